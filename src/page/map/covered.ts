// Which parts of the screen have something on them that a text must not cover: a grid of cells.

const kCell = 6;

export class Covered {
  private readonly columns: number;
  private readonly rows: number;
  private readonly cells: Uint8Array;

  constructor(width: number, height: number) {
    this.columns = Math.ceil(width / kCell) + 1;
    this.rows = Math.ceil(height / kCell) + 1;
    this.cells = new Uint8Array(this.columns * this.rows);
  }

  /** What is off the screen is free. */
  isFree(left: number, top: number, right: number, bottom: number): boolean {
    return !this.visit(left, top, right, bottom, (at) => this.cells[at] === 1);
  }

  take(left: number, top: number, right: number, bottom: number): void {
    this.visit(left, top, right, bottom, (at) => {
      this.cells[at] = 1;
      return false;
    });
  }

  /** Until one of the cells is found. */
  private visit(left: number, top: number, right: number, bottom: number, isFound: (at: number) => boolean): boolean {
    const lastRow = Math.min(this.rows - 1, Math.floor(bottom / kCell));
    const lastColumn = Math.min(this.columns - 1, Math.floor(right / kCell));
    for (let row = Math.max(0, Math.floor(top / kCell)); row <= lastRow; ++row) {
      for (let column = Math.max(0, Math.floor(left / kCell)); column <= lastColumn; ++column)
        if (isFound(row * this.columns + column)) return true;
    }
    return false;
  }
}
