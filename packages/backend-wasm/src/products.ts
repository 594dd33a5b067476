/**
 * @file Products of float32 matrices: two rows by sixteen columns in registers, the right operand packed
 * into panels of sixteen columns, so that a row of a panel is a cache line.
 *
 * 128-bit vectors leave room for eight accumulators, four of the panel and two of the left operand; larger
 * tiles spill. One step of k per turn of the loop: more, and engines load everything first.
 */
import type { Body, FunctionSource } from "./emitter.ts";
import type { Machine } from "./machine.ts";

/** A matrix in memory: its first byte, and bytes between neighbours down and across. */
export interface Matrix {
  /** The first element. */
  readonly address: number;
  /** From a row to the next. */
  readonly down: number;
  /** From a column to the next. */
  readonly across: number;
}

/** Columns of a panel. */
const width = 16;
/** Rows of a panel that stay in the first-level cache together. */
const depth = 256;

/** C ← A·panel, or C ← C + A·panel: `rows` rows of A at a time, for all rows up to an end. */
function tileKernel(rows: 1 | 2, isFirst: boolean, canFuse: boolean): FunctionSource {
  return {
    // C, the end of its rows, bytes between its rows, A, bytes between its rows and between its columns,
    // the panel, bytes between its rows, the end of the panel.
    parameters: ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    write(body) {
      const [c, cEnd, cDown, a, aDown, aAcross, panel, panelDown, end] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8,
      ];
      const at = body.local("i32");
      const lines = Array.from({ length: rows }, () => ({
        out: body.local("i32"),
        a: body.local("i32"),
        factor: body.local("v128"),
        sums: [0, 1, 2, 3].map(() => body.local("v128")),
      }));
      const columns = [0, 1, 2, 3].map(() => body.local("v128"));
      body.loopUntil(c, cEnd, () => {
        for (const line of lines) {
          body.get(c).set(line.out).get(c).get(cDown).op("i32.add").set(c);
          body.get(a).set(line.a).get(a).get(aDown).op("i32.add").set(a);
          line.sums.forEach((sum, j) => {
            if (isFirst) body.f32(0).op("f32x4.splat").set(sum);
            else
              body
                .get(line.out)
                .at("v128.load", 16 * j)
                .set(sum);
          });
        }
        body.get(panel).set(at);
        body.loopUntil(at, end, () => {
          columns.forEach((column, j) =>
            body
              .get(at)
              .at("v128.load", 16 * j)
              .set(column),
          );
          for (const line of lines) {
            body.get(line.a).at("v128.load32_splat").set(line.factor);
            line.sums.forEach((sum, j) => multiplyAdd(body, line.factor, columns[j], sum, canFuse));
            body.get(line.a).get(aAcross).op("i32.add").set(line.a);
          }
          body.get(at).get(panelDown).op("i32.add").set(at);
        });
        for (const line of lines) {
          line.sums.forEach((sum, j) =>
            body
              .get(line.out)
              .get(sum)
              .at("v128.store", 16 * j),
          );
        }
      });
    },
  };
}

/** sum ← x·y + sum */
function multiplyAdd(body: Body, x: number, y: number, sum: number, canFuse: boolean): void {
  if (canFuse) body.get(x).get(y).get(sum).op("f32x4.relaxed_madd").set(sum);
  else body.get(sum).get(x).get(y).op("f32x4.mul", "f32x4.add").set(sum);
}

/** Packs sixteen columns: parameters are the panel, its end, the matrix, and its bytes down and across. */
function packKernel(isDense: boolean): FunctionSource {
  return {
    parameters: ["i32", "i32", "i32", "i32", "i32"],
    write(body) {
      const [panel, end, from, down, across] = [0, 1, 2, 3, 4];
      const at = body.local("i32");
      body.loopUntil(panel, end, () => {
        if (isDense) {
          for (const j of [0, 16, 32, 48]) {
            body.get(panel).get(from).at("v128.load", j).at("v128.store", j);
          }
        } else {
          body.get(from).set(at);
          for (let j = 0; j < width; j++) {
            body
              .get(panel)
              .get(at)
              .at("f32.load")
              .at("f32.store", 4 * j);
            if (j < width - 1) body.get(at).get(across).op("i32.add").set(at);
          }
        }
        body.get(from).get(down).op("i32.add").set(from);
        body.advance(panel, 4 * width);
      });
    },
  };
}

/** A right operand in panels of sixteen columns, one behind the other; columns that are missing are 0. */
export interface Panels {
  /** The first byte. */
  readonly address: number;
  /** Rows of the operand, K. */
  readonly rows: number;
  /** Columns of the operand, N. */
  readonly columns: number;
}

/** Bytes of the panels of an operand [K, N]. */
export function panelBytes(k: number, n: number): number {
  return 4 * width * k * Math.ceil(n / width);
}

/** Packs a right operand. */
export function packPanels(machine: Machine, b: Matrix, { address, rows, columns }: Panels): void {
  const pack = machine.kernel(`pack ${b.across === 4}`, packKernel(b.across === 4));
  const size = 4 * width * rows;
  for (let column = 0; column < columns; column += width) {
    const panel = address + (column / width) * size;
    const source = b.address + column * b.across;
    const present = Math.min(width, columns - column);
    if (present === width) pack(panel, panel + size, source, b.down, b.across);
    else packEdge(machine, panel, { ...b, address: source }, rows, present);
  }
}

/** Packs the last panel, whose columns are fewer. */
function packEdge(
  { memory }: Machine,
  panel: number,
  { address, down, across }: Matrix,
  rows: number,
  columns: number,
): void {
  const floats = memory.views.float32;
  floats.fill(0, panel / 4, panel / 4 + width * rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      floats[panel / 4 + i * width + j] = floats[(address + i * down + j * across) / 4];
    }
  }
}

/**
 * C = A·B, with C in row-major order and B in panels; no size is 0.
 *
 * @param c - The first byte of C.
 * @param m - Rows of A and C.
 * @param edge - Room for [M, 16] numbers, where the columns do not fill the last panel.
 */
export function multiplyPanels(
  machine: Machine,
  c: number,
  a: Matrix,
  b: Panels,
  m: number,
  edge: number,
): void {
  const { rows: k, columns: n } = b;
  for (let column = 0; column < n; column += width) {
    const isWhole = column + width <= n;
    const panel = b.address + 4 * column * k;
    const out = isWhole ? c + 4 * column : edge;
    multiplyTile(machine, out, isWhole ? 4 * n : 4 * width, a, panel, 4 * width, m, k);
    if (!isWhole) {
      const floats = machine.memory.views.float32;
      for (let row = 0; row < m; row++) {
        const from = edge / 4 + row * width;
        floats.copyWithin(c / 4 + row * n + column, from, from + n - column);
      }
    }
  }
}

/** Sixteen columns of C. */
function multiplyTile(
  machine: Machine,
  out: number,
  outDown: number,
  a: Matrix,
  panel: number,
  panelDown: number,
  m: number,
  k: number,
): void {
  const { canFuse } = machine;
  for (let start = 0; start < k; start += depth) {
    const isFirst = start === 0;
    const from = panel + start * panelDown;
    const end = from + Math.min(depth, k - start) * panelDown;
    const left = a.address + start * a.across;
    const run = (rows: 1 | 2, row: number, count: number): void => {
      const c = out + row * outDown;
      machine.kernel(`product ${rows} ${isFirst}`, tileKernel(rows, isFirst, canFuse))(
        c,
        c + count * outDown,
        outDown,
        left + row * a.down,
        a.down,
        a.across,
        from,
        panelDown,
        end,
      );
    };
    const pairs = m - (m % 2);
    if (pairs > 0) run(2, 0, pairs);
    if (pairs < m) run(1, pairs, 1);
  }
}

/**
 * C = A·B, with C in row-major order.
 *
 * @param c - The first byte of C.
 * @param sizes - [M, K, N]: rows of A and C, columns of A and rows of B, columns of B and C; none is 0.
 */
export function multiply(
  machine: Machine,
  c: number,
  a: Matrix,
  b: Matrix,
  [m, k, n]: readonly [number, number, number],
): void {
  const { memory } = machine;
  // A few rows are not worth packing for, where whole panels can be read as they lie.
  if (m <= 2 && b.across === 4 && n % width === 0) {
    for (let column = 0; column < n; column += width) {
      multiplyTile(machine, c + 4 * column, 4 * n, a, b.address + 4 * column, b.down, m, k);
    }
    return;
  }
  const room = memory.allocate(panelBytes(k, n));
  const edge = memory.allocate(4 * width * m);
  const panels = { address: room.pointer, rows: k, columns: n };
  packPanels(machine, b, panels);
  multiplyPanels(machine, c, a, panels, m, edge.pointer);
  memory.release(room);
  memory.release(edge);
}
