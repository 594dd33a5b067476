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

/** C ← A·panel, or C ← C + A·panel: `rows` rows of A at a time. */
function tileKernel(rows: 1 | 2, isFirst: boolean, canFuse: boolean): FunctionSource {
  return {
    // C, bytes between its rows, A, bytes between its rows and columns, panel, bytes between its rows,
    // the end of the panel.
    parameters: ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    write(body) {
      const [c, cDown, a, aDown, aAcross, panel, panelDown, end] = [0, 1, 2, 3, 4, 5, 6, 7];
      const lines = Array.from({ length: rows }, () => ({
        out: body.local("i32"),
        a: body.local("i32"),
        factor: body.local("v128"),
        sums: [0, 1, 2, 3].map(() => body.local("v128")),
      }));
      const columns = [0, 1, 2, 3].map(() => body.local("v128"));
      lines.forEach((line, i) => {
        body.get(c).set(line.out).get(a).set(line.a);
        if (i === 1) {
          body.get(line.out).get(cDown).op("i32.add").set(line.out);
          body.get(line.a).get(aDown).op("i32.add").set(line.a);
        }
        if (isFirst) return;
        line.sums.forEach((sum, j) =>
          body
            .get(line.out)
            .at("v128.load", 16 * j)
            .set(sum),
        );
      });
      body.loopUntil(panel, end, () => {
        columns.forEach((column, j) =>
          body
            .get(panel)
            .at("v128.load", 16 * j)
            .set(column),
        );
        for (const line of lines) {
          body.get(line.a).at("v128.load32_splat").set(line.factor);
          line.sums.forEach((sum, j) => multiplyAdd(body, line.factor, columns[j], sum, canFuse));
          body.get(line.a).get(aAcross).op("i32.add").set(line.a);
        }
        body.get(panel).get(panelDown).op("i32.add").set(panel);
      });
      for (const line of lines) {
        line.sums.forEach((sum, j) =>
          body
            .get(line.out)
            .get(sum)
            .at("v128.store", 16 * j),
        );
      }
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
  const { memory, canFuse } = machine;
  const kernel = (rows: 1 | 2, isFirst: boolean): ReturnType<Machine["kernel"]> =>
    machine.kernel(`product ${rows} ${isFirst}`, tileKernel(rows, isFirst, canFuse));
  const pack = machine.kernel(`pack ${b.across === 4}`, packKernel(b.across === 4));
  const panels = memory.allocate(4 * width * Math.min(k, depth));
  // The last columns, where they are fewer than a panel has: results go here first.
  const edge = n % width === 0 ? null : memory.allocate(4 * width * m);
  for (let column = 0; column < n; column += width) {
    const isWhole = column + width <= n;
    const [out, outDown] = isWhole ? [c + 4 * column, 4 * n] : [edge?.pointer ?? 0, 4 * width];
    for (let start = 0; start < k; start += depth) {
      const count = Math.min(depth, k - start);
      const source = b.address + start * b.down + column * b.across;
      const isPacked = m > 2 || b.across !== 4 || !isWhole;
      const panel = isPacked ? panels.pointer : source;
      const panelDown = isPacked ? 4 * width : b.down;
      if (isPacked) packPanel(machine, pack, panel, source, b, count, Math.min(width, n - column));
      const end = panel + count * panelDown;
      const left = a.address + start * a.across;
      const two = kernel(2, start === 0);
      let row = 0;
      for (; row + 2 <= m; row += 2) {
        two(
          out + row * outDown,
          outDown,
          left + row * a.down,
          a.down,
          a.across,
          panel,
          panelDown,
          end,
        );
      }
      if (row < m) {
        kernel(1, start === 0)(
          out + row * outDown,
          outDown,
          left + row * a.down,
          a.down,
          a.across,
          panel,
          panelDown,
          end,
        );
      }
    }
    if (!isWhole && edge !== null) {
      const floats = memory.views.float32;
      for (let row = 0; row < m; row++) {
        const from = edge.pointer / 4 + row * width;
        floats.copyWithin(c / 4 + row * n + column, from, from + n - column);
      }
    }
  }
  memory.release(panels);
  if (edge !== null) memory.release(edge);
}

/** Packs a panel; columns that are not there are zeros. */
function packPanel(
  machine: Machine,
  pack: ReturnType<Machine["kernel"]>,
  panel: number,
  source: number,
  { down, across }: Matrix,
  count: number,
  columns: number,
): void {
  if (columns === width) {
    pack(panel, panel + 4 * width * count, source, down, across);
    return;
  }
  const floats = machine.memory.views.float32;
  floats.fill(0, panel / 4, panel / 4 + width * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < columns; j++) {
      floats[panel / 4 + i * width + j] = floats[(source + i * down + j * across) / 4];
    }
  }
}
