// Serves the page, and the API of a made-up overlay.

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FakeOverlay, Numbered } from './overlay';
import { movingPicture } from './jpeg';

const kBoundary = 'ottdframe';

export interface FakeServerOptions {
  /** What is served at "/", asked for at each request. */
  page: () => string;
  player: () => string;
}

export class FakeServer {
  private readonly server: Server;
  private readonly readers = new Set<ServerResponse>();
  private readonly timers: NodeJS.Timeout[] = [];
  private sent = 0; // events
  /** As a process that has been stopped: it takes requests, and does nothing. */
  isStopped = false;

  constructor(
    readonly overlay: FakeOverlay,
    private readonly options: FakeServerOptions,
  ) {
    this.server = createServer((request, response) => this.answer(request, response));
  }

  /** Begins, and says its address. Port 0: any that is free. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((done, fail) => {
      this.server.once('error', fail);
      this.server.listen(port, '127.0.0.1', done);
    });
    this.sent = this.overlay.events[this.overlay.events.length - 1]?.id ?? 0;
    this.every(1000, () => this.overlay.step());
    this.every(20, () => this.tell());
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  every(interval_ms: number, act: () => void): void {
    this.timers.push(setInterval(act, interval_ms));
  }

  async close(): Promise<void> {
    for (const timer of this.timers.splice(0)) clearInterval(timer);
    this.readers.clear();
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  private tell(): void {
    const news = this.overlay.events.filter(({ id }) => id > this.sent);
    for (const one of news) for (const reader of this.readers) reader.write(lineOf(one));
    this.sent = news[news.length - 1]?.id ?? this.sent;
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    if (this.isStopped) return;
    const url = new URL(request.url ?? '/', 'http://fake');
    const json = (value: unknown, status = 200) => {
      response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
      response.end(JSON.stringify(value));
    };
    const found = (value: unknown, what: string) => (value ? json(value) : json({ error: `there is no ${what}` }, 404));
    const parameter = (name: string) => url.searchParams.get(name) ?? '';
    switch (url.pathname) {
      case '/':
        response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' });
        return void response.end(this.options.page());
      case '/player.js':
        response.writeHead(200, { 'Content-Type': 'text/javascript; charset=utf-8' });
        return void response.end(this.options.player());
      case '/streams.json':
        return json({ streams: this.listed() });
      case '/api/v1/overlay':
        return json(this.overlay.overlay());
      case '/api/v1/streams':
        return json({ streams: this.overlay.streamList() });
      case '/api/v1/routes':
        return json({ routes: this.overlay.routes() });
      case '/api/v1/why':
        return found(this.overlay.why(parameter('stream'), parameter('node')), 'such way');
      case '/api/v1/node':
        return found(this.overlay.figures(parameter('of')), 'such node');
      case '/api/v1/events':
        return this.giveEvents(request, response);
      case '/api/v1/pictures':
        return this.givePictures(url, response, 1000);
    }
    if (url.pathname.endsWith('.mjpg'))
      return this.givePictures(new URL(`/?streams=${url.pathname.slice(1, -5)}`, url), response, 40);
    json({ error: 'there is nothing here' }, 404);
  }

  private listed(): unknown[] {
    return this.overlay.streamList().map(({ name, media, encoding, state }) => ({
      name,
      media,
      encoding,
      state,
      ...(encoding === 'JPEG' && { mjpg: `/${name}.mjpg`, jpg: `/${name}.jpg` }),
      ...(['H264', 'opus'].includes(encoding) && { mp4: `/${name}.mp4` }),
      ...(encoding === 't140' && { events: `/${name}.events` }),
    }));
  }

  private giveEvents(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(': events\n\n');
    const { events } = this.overlay;
    const last = request.headers['last-event-id'];
    const missed = last === undefined ? events.slice(-50) : events.filter(({ id }) => id > Number(last));
    for (const one of missed.filter(({ id }) => id <= this.sent)) response.write(lineOf(one));
    this.readers.add(response);
    response.on('close', () => this.readers.delete(response));
  }

  private givePictures(url: URL, response: ServerResponse, interval_ms: number): void {
    const all = this.overlay.streamList().filter((stream) => stream.encoding === 'JPEG');
    const names = (url.searchParams.get('streams') ?? '').split(',').filter(Boolean).map(decodeURIComponent);
    const wanted = all.filter((stream) => !names.length || names.includes(stream.name));
    response.writeHead(200, {
      'Content-Type': `multipart/x-mixed-replace; boundary=${kBoundary}`,
      'Cache-Control': 'no-store',
    });
    response.write(`--${kBoundary}\r\n`);
    const send = () => {
      for (const { name, id } of wanted) {
        const picture = movingPicture(parseInt(id, 16), Date.now() / 1000);
        response.write(
          `Content-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\nContent-Location: /${name}.jpg\r\n` +
            `X-Stream: ${encodeURIComponent(name)}\r\n\r\n`,
        );
        response.write(picture);
        response.write(`\r\n--${kBoundary}\r\n`);
      }
    };
    send();
    const timer = setInterval(send, interval_ms);
    response.on('close', () => clearInterval(timer));
  }
}

function lineOf({ id, event }: Numbered): string {
  return `id: ${id}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** The built page. */
export function committed(name: string): string {
  return readFileSync(`${process.env['OTTD_PAGE'] ?? 'src/page/dist'}/${name}`, 'utf8');
}
