/** @file Kernels of functions of elements: in several visits, and two vectors at a time, they find the same bits. */
import {
  compile,
  exp,
  key,
  log,
  normal,
  setDefaultBackend,
  sigmoid,
  softmax,
  tanh,
  type Tensor,
  variance,
  where,
} from "@tapeloop/autograd";
import type { Backend } from "@tapeloop/autograd/backend";
import { afterEach, describe, expect, test } from "vitest";
import { wasmBackend } from "../src/index.ts";
import { preferTile, usualTile } from "../src/machine.ts";

afterEach(() => preferTile(usualTile));

/** A gate's worth of functions, of which some are read by others and some are results themselves. */
function cell(i: Tensor, f: Tensor, o: Tensor, c: Tensor): readonly Tensor[] {
  const kept = sigmoid(f).mul(c);
  const next = kept.add(sigmoid(i).mul(tanh(o)));
  return [kept, next, sigmoid(o).mul(tanh(next)), next.less(0)];
}

/** Rows of mean 0 and variance 1. */
function standardized(x: Tensor): Tensor {
  const of = { axes: 1, keepAxes: true } as const;
  return x.sub(x.mean(of)).div(variance(x, of).add(1e-5).sqrt());
}

const functions: Readonly<Record<string, (x: readonly Tensor[]) => readonly Tensor[]>> = {
  "a cell": ([i, f, o, c]) => cell(i, f, o, c),
  "a cell of columns": (x) => {
    const [i, f, o, c] = x.map((each) => each.transpose());
    return cell(i, f, o, c);
  },
  "a cell with an operand that is one row, and one that is a number": ([i, f, o, c]) =>
    cell(
      i.slice([{ stop: 1 }]).broadcastTo(i.shape),
      f,
      o,
      c.slice([{ stop: 1 }, { stop: 1 }]).broadcastTo(c.shape),
    ),
  "gates that lie beside one another": ([i, f]) => {
    const half = Math.ceil(i.shape[1] / 2);
    const [a, b] = [i, f].map((x) => x.slice([null, { stop: half }]));
    const [c, d] = [i, f].map((x) => x.slice([null, { start: i.shape[1] - half }]));
    return cell(a, b, c, d);
  },
  "rows that are reduced": ([i, f]) => [
    softmax(tanh(i)).mul(sigmoid(f)),
    exp(i).sum({ axes: 1, keepAxes: true }).mul(sigmoid(f)),
    standardized(sigmoid(i)),
  ],
  "masks, and functions of functions": ([i, f, o]) => [
    where(tanh(i).less(sigmoid(f)), exp(tanh(o)), log(exp(i).add(1))),
    tanh(tanh(tanh(i))),
  ],
};

/** Fewer elements than a vector, as many as one and two, some strips, and what is left of them. */
const widths = [1, 3, 4, 7, 8, 13, 16, 29, 31, 128, 133, 260, 517];

/** What functions find on a backend, one after the other and compiled. */
function found(backend: Backend, f: (typeof functions)[string], isCompiled: boolean): unknown[] {
  setDefaultBackend(backend);
  return widths.map((width) => {
    const x = [1, 2, 3, 4].map((seed) => normal([3, width], { key: key(seed) }).mul(3));
    const g = isCompiled ? compile((...all: Tensor[]) => f(all)) : (...all: Tensor[]) => f(all);
    return g(...x).map((y) => y.dataSync());
  });
}

describe("functions of elements", () => {
  for (const [name, f] of Object.entries(functions)) {
    test(`${name}: compiled are the bits of one op after the other, also of two vectors at a time`, () => {
      const expected = found(wasmBackend(), f, false);
      expect(found(wasmBackend(), f, true)).toEqual(expected);
      preferTile({ ...usualTile, together: 2 });
      expect(found(wasmBackend(), f, true)).toEqual(expected);
      expect(found(wasmBackend({ threads: 2 }), f, true)).toEqual(expected);
    });
  }

  test("that read what they are given again are not written over it while it is still read", () => {
    setDefaultBackend(wasmBackend());
    // The first result is there before the second one reads x for the last time.
    const update = (x: Tensor): readonly Tensor[] => [x.mul(2), tanh(sigmoid(x)).add(x)];
    const donating = compile(update, { donate: [0] });
    const x = normal([1000], { key: key(1) });
    const expected = update(x).map((y) => y.dataSync());
    expect(donating(x.add(0)).map((y) => y.dataSync())).toEqual(expected);
  });
});
