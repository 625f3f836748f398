// Reads multipart/x-mixed-replace (RFC 2046, section 5.1, as cameras use it) out of chunks of any size. Each part has
// to say its Content-Length. Bounded: a head has 8 KiB at most, a part 16 MiB.

export interface Part {
  /** By name in lower case. */
  fields: Map<string, string>;
  body: Uint8Array;
}

const kHeadBytesMax = 8192;
const kBodyBytesMax = 16 << 20;
const kEmptyLine = [13, 10, 13, 10];

export function boundaryOf(contentType: string): string {
  const found = /^multipart\/[^;]+;.*\bboundary="?([^";]+)"?/i.exec(contentType);
  if (!found) throw new Error(`no multipart: ${contentType || 'no Content-Type'}`);
  return found[1]!;
}

export class MultipartReader {
  private head: number[] = [];
  private matched = 0; // bytes of kEmptyLine
  private body: Uint8Array | null = null;
  private filled = 0;
  private fields = new Map<string, string>();
  private readonly delimiter: string;

  constructor(
    boundary: string,
    private readonly onPart: (part: Part) => void,
  ) {
    this.delimiter = `--${boundary}`;
  }

  /** Throws where the bytes are no multipart; nothing may be pushed after that. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) at = this.body ? this.fill(chunk, at) : this.readHead(chunk, at);
  }

  private fill(chunk: Uint8Array, at: number): number {
    const body = this.body!;
    const taken = Math.min(body.length - this.filled, chunk.length - at);
    body.set(chunk.subarray(at, at + taken), this.filled);
    this.filled += taken;
    if (this.filled === body.length) this.finish(body);
    return at + taken;
  }

  private finish(body: Uint8Array): void {
    this.body = null;
    this.onPart({ fields: this.fields, body });
  }

  private readHead(chunk: Uint8Array, at: number): number {
    while (at < chunk.length) {
      const byte = chunk[at++]!;
      this.head.push(byte);
      if (this.head.length > kHeadBytesMax) throw new Error(`the head of a part has more than ${kHeadBytesMax} bytes`);
      this.matched = byte === kEmptyLine[this.matched] ? this.matched + 1 : byte === kEmptyLine[0] ? 1 : 0;
      if (this.matched < kEmptyLine.length) continue;
      this.begin(String.fromCharCode(...this.head));
      break;
    }
    return at;
  }

  private begin(head: string): void {
    this.head = [];
    this.matched = 0;
    const [first, ...lines] = head.replace(/^\r\n/, '').split('\r\n');
    if (first !== this.delimiter) throw new Error(`no boundary before a part: ${JSON.stringify(first?.slice(0, 60))}`);
    this.fields = new Map();
    for (const line of lines) {
      const colon = line.indexOf(':');
      if (colon > 0) this.fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    const length = Number(this.fields.get('content-length') ?? NaN);
    if (!Number.isInteger(length) || length < 0 || length > kBodyBytesMax)
      throw new Error(`a part of ${this.fields.get('content-length') ?? 'unknown'} bytes`);
    this.body = new Uint8Array(length);
    this.filled = 0;
    if (length === 0) this.finish(this.body);
  }
}
