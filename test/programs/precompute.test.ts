/** @file What compiled programs compute of their constants alone is computed once. */
import {
  arange,
  compile,
  expandDims,
  gather,
  greater,
  key,
  memory,
  normal,
  ones,
  scan,
  setDefaultBackend,
  softmax,
  tanh,
  tensor,
  type Tensor,
  to,
  where,
  zeros,
} from "@tapeloop/autograd";
import type { Program } from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

const wasm = wasmBackend();
beforeEach(() => setDefaultBackend(wasm));
afterEach(() => vi.restoreAllMocks());

/** The programs that a backend is given while a function runs, with the names of their ops. */
function programsOf(run: () => unknown): { readonly program: Program; readonly ops: string[] }[] {
  const spy = vi.spyOn(wasm, "compile");
  run();
  return spy.mock.calls.map(([program]) => ({
    program,
    ops: program.nodes.map(({ primitive }) => primitive.name),
  }));
}

/** Scores of what came before: the mask depends on no argument. */
function causal(scores: Tensor): Tensor {
  const at = arange(scores.shape[0]);
  return softmax(where(greater(at, expandDims(at, 1)), -Infinity, scores));
}

describe("on WebAssembly", () => {
  test("a mask of positions is a constant of the program, and the result has the same bits", () => {
    const scores = normal([5, 5], { key: key(1) });
    const expected = causal(scores).dataSync();
    const compiled = compile(causal);
    const [{ ops, program }] = programsOf(() =>
      expect(compiled(scores).dataSync()).toEqual(expected),
    );
    expect(ops).not.toContain("iota");
    expect(ops).not.toContain("less");
    expect(program.constants.map(({ variable }) => variable.type)).toEqual([
      { dtype: "bool", shape: [5, 5] },
    ]);
    expect(compiled(scores.mul(2)).dataSync()).toEqual(causal(scores.mul(2)).dataSync());
  });

  test("random numbers of a key from around are drawn once, with the same bits", () => {
    const noisy = (x: Tensor): Tensor => x.add(normal([3], { key: key(7) }));
    const compiled = compile(noisy);
    const [{ ops }] = programsOf(() => compiled(zeros([3])));
    expect(ops).toEqual(["add"]);
    expect(compiled(ones([3])).dataSync()).toEqual(noisy(ones([3])).dataSync());
  });

  test("what a loop computes of constants alone in every step", () => {
    const table = normal([4, 3], { key: key(2) });
    const f = (xs: Tensor): Tensor =>
      scan(
        (_, h: Tensor, x: Tensor) => {
          const next = tanh(h.add(x).add(table.square().sum({ axes: 0 })));
          return [next, next];
        },
        {},
        zeros([3]),
        xs,
      )[1];
    const xs = normal([6, 3], { key: key(3) });
    const compiled = compile(f);
    const [{ ops }] = programsOf(() => expect(compiled(xs).dataSync()).toEqual(f(xs).dataSync()));
    expect(ops.toSorted()).toEqual(["fill", "scan"]);
  });

  test("one number everywhere and other looks at a constant take no memory of their own", () => {
    const compiled = compile((x: Tensor) =>
      x.add(arange(3).square().broadcastTo([100, 3])).div(zeros([100, 3])),
    );
    const [{ ops, program }] = programsOf(() => compiled(ones([100, 3])));
    expect(ops.toSorted()).toEqual(["add", "broadcastTo", "div", "fill"]);
    expect(program.constants.map(({ variable }) => variable.type.shape)).toEqual([[3]]);
  });

  test("what takes more than a mebibyte is computed each time, of what takes less", () => {
    const compiled = compile((x: Tensor) => x.add(arange(1000).mul(2).sum()).add(arange(300_000)));
    const [{ ops, program }] = programsOf(() => compiled(ones([300_000])));
    expect(ops.filter((name) => name === "iota")).toEqual(["iota"]);
    expect(program.constants.map(({ variable }) => variable.type.shape)).toEqual([[1]]);
  });

  test("results that are constants are there, also more than once, and may be disposed", () => {
    const compiled = compile((x: Tensor) => {
      const squares = arange(3).square();
      return [squares, squares, x.add(squares)] as const;
    });
    for (let i = 0; i < 2; i++) {
      const results = compiled(ones([3]));
      expect(results.map((y) => [...y.dataSync()])).toEqual([
        [0, 1, 4],
        [0, 1, 4],
        [1, 2, 5],
      ]);
      for (const y of results) y.dispose();
    }
  });

  test("what cannot be computed is refused when the program runs, each time, in its own words", () => {
    const compiled = compile((x: Tensor) =>
      x.add(gather(arange(3), tensor([0, 5], { dtype: "int32" }))),
    );
    for (let i = 0; i < 2; i++) {
      expect(() => compiled(ones([2]))).toThrowErrorMatchingInlineSnapshot(
        `[IndexError: gather: indices along axis 0 must be in [0, 3), got 5 at place 1. Indices count from 0.]`,
      );
    }
  });

  test("nothing is left of what is computed on the way", () => {
    const x = ones([8]);
    const compiled = compile((y: Tensor) => y.add(tanh(arange(8).mul(0.1)).add(1)));
    const before = memory();
    compiled(x).dispose();
    const after = memory();
    expect(after.buffers - before.buffers).toBe(1);
    expect(after.bytes - before.bytes).toBe(32);
    compiled(x).dispose();
    expect(memory().bytes).toBe(after.bytes);
  });
});

test("on a backend that is not the default one, programs stay as they are", () => {
  setDefaultBackend(ndarrayBackend);
  const compiled = compile((x: Tensor) => x.add(to(arange(3), wasm).square()));
  const [{ ops }] = programsOf(() =>
    expect(compiled(to(ones([3]), wasm)).toArray()).toEqual([1, 2, 5]),
  );
  expect(ops).toContain("iota");
});
