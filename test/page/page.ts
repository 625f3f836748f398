// A browser with the page in it, and what tests of the page have in common.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import playwright, { type Browser, type BrowserContext, type Page } from 'playwright-core';
import type { MapProbe } from '../../src/page/map/map';

const kBrowser = process.env['OTTD_BROWSER'] ?? '/usr/bin/chromium';
const kFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
export const kOut = 'build/page';
const kWait_ms = 20_000;
const kLook_ms = 25;

export type Size = { width: number; height: number };
export const kDesktop: Size = { width: 1440, height: 900 };
export const kTall: Size = { width: 1280, height: 1080 };
export const kPhone: Size = { width: 360, height: 740 };

export interface Look {
  size?: Size;
  scheme?: 'light' | 'dark';
  motion?: 'reduce' | 'no-preference';
}

const axe = readFileSync(createRequire(`${process.cwd()}/src/page/build.mjs`).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  id: string;
  impact: string;
  help: string;
  nodes: { html: string }[];
}

/** The page, and all that went wrong on it: messages of its console, errors, requests to elsewhere. */
export class Seen {
  readonly wrong: string[] = [];

  constructor(
    readonly page: Page,
    private readonly context: BrowserContext,
    url: string,
  ) {
    const { origin } = new URL(url);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.wrong.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.wrong.push(`error: ${error.message}`));
    page.on('request', (request) => {
      const to = new URL(request.url());
      if (!['data:', 'blob:'].includes(to.protocol) && to.origin !== origin) this.wrong.push(`request: ${request.url()}`);
    });
  }

  /**
   * Once the condition, evaluated in the page, holds. `what`: for the error. (Playwright's own waitForFunction evaluates
   * by eval, which the page's policy forbids.)
   */
  async until(condition: string, what: string, wait_ms = kWait_ms): Promise<void> {
    for (const begun = Date.now(); !(await this.page.evaluate(condition)); await this.page.waitForTimeout(kLook_ms)) {
      if (Date.now() - begun > wait_ms) throw new Error(`not within ${wait_ms} ms: ${what}; ${this.wrong.join('; ')}`);
    }
  }

  map(): Promise<Omit<MapProbe, 'at'>> {
    return this.page.evaluate(() => {
      const { drawn, nodes, links, trees } = (globalThis as unknown as { ottdMap: MapProbe }).ottdMap;
      return { drawn, nodes, links, trees };
    });
  }

  /** Where a node is on the page. */
  async nodeAt(id: string): Promise<{ x: number; y: number }> {
    const at = await this.page.evaluate((node) => (globalThis as unknown as { ottdMap: MapProbe }).ottdMap.at(node), id);
    if (!at) throw new Error(`the map has no node ${id}`);
    const box = (await this.page.locator('canvas[role=application]').boundingBox())!;
    return { x: box.x + at.x, y: box.y + at.y };
  }

  /** What axe-core finds serious, of what hinders people. */
  async audit(): Promise<string[]> {
    await this.page.evaluate(axe); // not as a script of the page, which its policy forbids
    const found = await this.page.evaluate(async () => {
      const { axe: tool } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
      return (await tool.run()).violations;
    });
    return found
      .filter(({ impact }) => ['serious', 'critical'].includes(impact))
      .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html}`);
  }

  async shoot(name: string): Promise<void> {
    mkdirSync(kOut, { recursive: true });
    await this.page.screenshot({ path: `${kOut}/${name}.png` });
  }

  close(): Promise<void> {
    return this.context.close();
  }
}

export class Opener {
  private constructor(private readonly browser: Browser) {}

  static async launch(): Promise<Opener> {
    return new Opener(await playwright.chromium.launch({ executablePath: kBrowser, args: kFlags }));
  }

  async open(url: string, { size = kDesktop, scheme = 'light', motion = 'no-preference' }: Look = {}): Promise<Seen> {
    const context = await this.browser.newContext({
      viewport: size,
      colorScheme: scheme,
      reducedMotion: motion,
      hasTouch: size === kPhone,
      deviceScaleFactor: size === kPhone ? 2 : 1,
    });
    const seen = new Seen(await context.newPage(), context, url);
    await seen.page.goto(url);
    return seen;
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}

/** How often an empty page could be drawn now, and how long a look at the API takes from there to the screen. */
export interface Floor {
  perSecond: number;
  look_ms: number;
}

/** What the machine has left at the moment: what is asked of the page is asked in proportion to that. */
export async function floorOf(seen: Seen): Promise<Floor> {
  const empty = await seen.page.context().newPage();
  const perSecond = await empty.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const begun = performance.now();
    let frames = 0;
    for (; performance.now() - begun < 2000; ++frames) await frame();
    return (1000 * frames) / (performance.now() - begun);
  });
  await empty.close();
  const look_ms = await seen.page.evaluate(async () => {
    const begun = performance.now();
    for (const path of ['overlay', 'streams', 'routes']) await (await fetch(`./api/v1/${path}`)).json();
    await new Promise((done) => requestAnimationFrame(done));
    return performance.now() - begun;
  });
  return { perSecond, look_ms };
}

/** Of the drawings in each of some seconds, the median. */
export async function drawnPerSecond(seen: Seen, seconds: number): Promise<number> {
  const rates: number[] = [];
  let [last, at] = [(await seen.map()).drawn, await seen.page.evaluate(() => performance.now())];
  for (let i = 0; i < seconds; ++i) {
    await seen.page.waitForTimeout(1000);
    const [drawn, now] = [(await seen.map()).drawn, await seen.page.evaluate(() => performance.now())];
    rates.push((1000 * (drawn - last)) / (now - at));
    [last, at] = [drawn, now];
  }
  return rates.sort((a, b) => a - b)[rates.length >> 1]!;
}
