/**
 * @file Packing: the operands of a product laid out in the order in which its tiles read them.
 *
 * Lines are the rows of a left operand, or the columns of a right one. A panel holds `width` of them side
 * by side: for each k, one element of every line.
 */
import type { Body } from "../emitter.ts";
import type { MemoryOp } from "../instructions.ts";
import { type FunctionSource, namedParameters } from "../module.ts";
import { type FloatType, forms } from "./block.ts";

/** The arguments of whole panels' packing; all are addresses, bytes or counts. */
const { parameters, place } = namedParameters([
  /** Where the panels go, and from a panel to the next. */
  "to",
  "toPanel",
  /** The first element, from a step of k to the next, and from a line to the next. */
  "from",
  "fromStep",
  "fromLine",
  /** Steps of k, and panels. */
  "steps",
  "panels",
]);

/**
 * Steps of k that are copied for all panels before the next ones are looked at: so rows of an operand are read as
 * they lie, while of a narrow panel a cache line is filled. Panel by panel takes two to three times as long where
 * rows are 4 KiB apart.
 */
const stepsTogether = 8;

/** Where lines are neighbours in memory: every step of k is copied as it is. */
export function copyKernel(dtype: FloatType, width: number): FunctionSource {
  const size = forms[dtype].bytes * width;
  return {
    parameters,
    write(body) {
      const [to, from, step, panelTo, panelFrom, panels, block, left] = Array.from(
        { length: 8 },
        () => body.local("i32"),
      );
      body.get(place.steps).set(left);
      body.repeatBlocks(left, stepsTogether, block, () => {
        body.get(place.to).set(panelTo).get(place.from).set(panelFrom);
        body.get(place.panels).set(panels);
        body.repeat(panels, () => {
          body.get(panelTo).set(to).get(panelFrom).set(from).get(block).set(step);
          body.repeat(step, () => {
            // 8 bytes are moved as a float64: loads and stores keep all bits.
            const [load, store, piece]: [MemoryOp, MemoryOp, number] =
              size % 16 === 0 ? ["v128.load", "v128.store", 16] : ["f64.load", "f64.store", 8];
            for (let at = 0; at < size; at += piece)
              body.get(to).get(from).at(load, at).at(store, at);
            body.advance(to, size).add(from, place.fromStep);
          });
          body.add(panelTo, place.toPanel).advance(panelFrom, size);
        });
        for (const [pointer, by] of [
          [place.to, () => body.i32(size)],
          [place.from, () => body.get(place.fromStep)],
        ] as const) {
          body.get(pointer).get(block);
          by().op("i32.mul", "i32.add").set(pointer);
        }
      });
    },
  };
}

/** The bytes of 32-bit or 64-bit lanes, for a shuffle. */
function lanesOf(bytes: number, lanes: readonly number[]): number[] {
  return lanes.flatMap((lane) => Array.from({ length: bytes }, (_, i) => lane * bytes + i));
}

/** Writes the transpose of as many vectors as one has lanes. */
function writeTranspose(body: Body, bytes: number, x: readonly number[]): void {
  const mixed = (i: number, j: number, lanes: readonly number[]): Body =>
    body.get(x[i]).get(x[j]).shuffle(lanesOf(bytes, lanes));
  if (bytes === 8) {
    mixed(0, 1, [0, 2]);
    mixed(0, 1, [1, 3]).set(x[1]).set(x[0]);
    return;
  }
  for (const [i, j] of [
    [0, 1],
    [2, 3],
  ]) {
    mixed(i, j, [0, 4, 1, 5]);
    mixed(i, j, [2, 6, 3, 7]).set(x[j]).set(x[i]);
  }
  mixed(0, 2, [0, 1, 4, 5]);
  mixed(0, 2, [2, 3, 6, 7]);
  mixed(1, 3, [0, 1, 4, 5]);
  mixed(1, 3, [2, 3, 6, 7]).set(x[3]).set(x[2]).set(x[1]).set(x[0]);
}

/**
 * Where steps of k are neighbours in memory: squares are transposed in registers. `steps` is a multiple
 * of the lanes, and so is `width`, or it is 2.
 */
export function transposeKernel(dtype: FloatType, width: number): FunctionSource {
  const { bytes, lanes } = forms[dtype];
  const group = Math.min(lanes, width);
  return {
    parameters,
    write(body) {
      const [to, from, left, line] = ["i32", "i32", "i32", "i32"].map(() => body.local("i32"));
      const x = Array.from({ length: group }, () => body.local("v128"));
      body.repeat(place.panels, () => {
        for (let at = 0; at < width; at += group) {
          body.get(place.to).set(to).get(place.from).set(from).get(place.steps).set(left);
          body.repeat(left, () => {
            body.get(from).set(line);
            for (let i = 0; i < group; i++) {
              body.get(line).at("v128.load").set(x[i]).add(line, place.fromLine);
            }
            if (group === lanes) {
              writeTranspose(body, bytes, x);
              x.forEach((column, k) => {
                body
                  .get(to)
                  .get(column)
                  .at("v128.store", bytes * (k * width + at));
              });
            } else {
              body
                .get(to)
                .get(x[0])
                .get(x[1])
                .shuffle(lanesOf(4, [0, 4, 1, 5]))
                .at("v128.store");
              body
                .get(to)
                .get(x[0])
                .get(x[1])
                .shuffle(lanesOf(4, [2, 6, 3, 7]));
              body.at("v128.store", 16);
            }
            body.advance(to, bytes * lanes * width).advance(from, 16);
            body
              .get(left)
              .i32(lanes - 1)
              .op("i32.sub")
              .set(left);
          });
          for (let i = 0; i < group; i++) body.add(place.from, place.fromLine);
        }
        body.add(place.to, place.toPanel);
      });
    },
  };
}

/**
 * Element by element, for edges and for operands that are dense along neither axis: one panel with
 * `lines` lines (the last argument), which is at most `width`.
 */
export function scatterKernel(dtype: FloatType, width: number): FunctionSource {
  const { bytes } = forms[dtype];
  const [load, store]: [MemoryOp, MemoryOp] =
    bytes === 4 ? ["f32.load", "f32.store"] : ["f64.load", "f64.store"];
  return {
    parameters: ["i32", "i32", "i32", "i32", "i32", "i32"],
    write(body) {
      const [to, from, fromStep, fromLine, steps, lines] = [0, 1, 2, 3, 4, 5];
      const [at, element, left] = ["i32", "i32", "i32"].map(() => body.local("i32"));
      body.repeat(lines, () => {
        body.get(to).set(at).get(from).set(element).get(steps).set(left);
        body.repeat(left, () => {
          body.get(at).get(element).at(load).at(store);
          body.advance(at, bytes * width).add(element, fromStep);
        });
        body.advance(to, bytes).add(from, fromLine);
      });
    },
  };
}
