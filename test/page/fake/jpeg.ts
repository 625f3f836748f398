// The smallest JPEG that moves: blocks of 8 by 8 pixels of one colour each, without any AC coefficient (ITU T.81).

const kQuantum = 8; // then a DC coefficient is the block's level itself
const kDcCounts = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]; // table K.3
const kDcValues = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const kAcCounts = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]; // the end of a block alone: "0"

type Colour = [y: number, cb: number, cr: number]; // 0 … 255

function dcCodes(): { code: number; bits: number }[] {
  const codes: { code: number; bits: number }[] = [];
  let code = 0;
  for (const [i, count] of kDcCounts.entries()) {
    for (let n = 0; n < count; ++n) codes.push({ code: code++, bits: i + 1 });
    code <<= 1;
  }
  return codes;
}

class Bits {
  readonly bytes: number[] = [];
  private held = 0;
  private count = 0;

  put(value: number, bits: number): void {
    for (let i = bits - 1; i >= 0; --i) {
      this.held = (this.held << 1) | ((value >> i) & 1);
      if (++this.count === 8) this.flush();
    }
  }

  end(): void {
    while (this.count > 0) this.put(1, 1);
  }

  private flush(): void {
    this.bytes.push(this.held);
    if (this.held === 0xff) this.bytes.push(0);
    this.held = this.count = 0;
  }
}

function segment(marker: number, content: number[]): number[] {
  const length = content.length + 2;
  return [0xff, marker, length >> 8, length & 255, ...content];
}

/** A picture of `columns` by `rows` blocks. */
export function jpeg(columns: number, rows: number, colour: (column: number, row: number) => Colour): Buffer {
  const [width, height] = [8 * columns, 8 * rows];
  const components = [1, 2, 3].flatMap((id) => [id, 0x11, 0]);
  const codes = dcCodes();
  const bits = new Bits();
  const last = [0, 0, 0];
  for (let row = 0; row < rows; ++row) {
    for (let column = 0; column < columns; ++column) {
      for (const [i, level] of colour(column, row).entries()) {
        const value = Math.round(Math.min(255, Math.max(0, level))) - 128;
        const difference = value - last[i]!;
        last[i] = value;
        const size = difference === 0 ? 0 : 32 - Math.clz32(Math.abs(difference));
        bits.put(codes[size]!.code, codes[size]!.bits);
        bits.put(difference < 0 ? difference + (1 << size) - 1 : difference, size);
        bits.put(0, 1);
      }
    }
  }
  bits.end();
  return Buffer.from([
    0xff, 0xd8,
    ...segment(0xdb, [0, ...Array<number>(64).fill(kQuantum)]),
    ...segment(0xc0, [8, height >> 8, height & 255, width >> 8, width & 255, 3, ...components]),
    ...segment(0xc4, [0x00, ...kDcCounts, ...kDcValues]),
    ...segment(0xc4, [0x10, ...kAcCounts, 0]),
    ...segment(0xda, [3, 1, 0, 2, 0, 3, 0, 0, 63, 0]),
    ...bits.bytes,
    0xff, 0xd9,
  ]);
}

/** A picture of its own for each stream (`seed`), which moves with time. */
export function movingPicture(seed: number, time_s: number): Buffer {
  const [columns, rows] = [40, 23];
  const x = columns * (0.5 + 0.32 * Math.sin(0.9 * time_s + seed));
  const y = rows * (0.5 + 0.28 * Math.cos(0.7 * time_s + 2 * seed));
  return jpeg(columns, rows, (column, row) => {
    const near = Math.hypot(column - x, row - y) / 5;
    const glow = 110 * Math.exp(-near * near);
    const hue = seed + column / 34 + row / 23;
    return [60 + 70 * (row / rows) + glow, 128 + 34 * Math.cos(hue) - glow / 4, 128 + 34 * Math.sin(hue) + glow / 5];
  });
}
