// The last minutes of any number of figures, taken at the same moments: a ring of moments, and a column for each figure.
// A column costs kSlots floats, from when its figure is first set.

export const kSlots = 180;

/** Moments (seconds since 1970) and values, oldest first; NaN where there was none. */
export interface Series {
  times: number[];
  values: number[];
}

export class History {
  private readonly times = new Float64Array(kSlots);
  private readonly columns = new Map<string, Map<string, Float32Array>>(); // by whose they are, and what they are
  private next = 0;
  private length = 0;

  /** Begins a moment. Columns that nothing has been set in for all moments that are kept are dropped. */
  begin(time_s: number): void {
    const slot = this.next % kSlots;
    this.next += 1;
    this.length = Math.min(this.length + 1, kSlots);
    this.times[slot] = time_s;
    for (const figures of this.columns.values()) for (const column of figures.values()) column[slot] = NaN;
    if (this.next % kSlots === 0) this.dropEmpty();
  }

  /** Of the moment begun last. */
  set(owner: string, figure: string, value: number): void {
    let figures = this.columns.get(owner);
    if (!figures) this.columns.set(owner, (figures = new Map()));
    let column = figures.get(figure);
    if (!column) figures.set(figure, (column = new Float32Array(kSlots).fill(NaN)));
    column[(this.next - 1) % kSlots] = value;
  }

  series(owner: string, figure: string): Series {
    const column = this.columns.get(owner)?.get(figure);
    const times: number[] = [];
    const values: number[] = [];
    for (let i = this.next - this.length; i < this.next; ++i) {
      times.push(this.times[i % kSlots]!);
      values.push(column ? column[i % kSlots]! : NaN);
    }
    return { times, values };
  }

  /** How many have something. */
  get owners(): number {
    return this.columns.size;
  }

  private dropEmpty(): void {
    for (const [owner, figures] of this.columns) {
      for (const [figure, column] of figures) if (column.every(Number.isNaN)) figures.delete(figure);
      if (figures.size === 0) this.columns.delete(owner);
    }
  }
}
