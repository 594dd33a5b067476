import {
  compile,
  concat,
  formatProgram,
  grad,
  jvp,
  hvp,
  key,
  leaves,
  matmul,
  normal,
  type Program,
  scan,
  setDefaultBackend,
  splitKey,
  stopGradient,
  sum,
  tensor,
  type Tensor,
  trace,
  valueAndGrad,
  vmap,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { gruCell, lstmCell } from "@tapeloop/nn";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

const random = (shape: number[], seed: number): Tensor =>
  normal(shape, { key: key(seed), dtype: "float64" });

/** The greatest difference of two trees, relative to the greatest element. */
function difference(a: object, b: object): number {
  const [xs, ys] = [leaves(a), leaves(b)];
  expect(xs.map(({ shape }) => shape)).toEqual(ys.map(({ shape }) => shape));
  return Math.max(
    0,
    ...xs.map((x, i) => {
      const [p, q] = [x.dataSync(), ys[i].dataSync()];
      const scale = Math.max(1e-300, ...Array.from(p, Math.abs));
      return Math.max(0, ...Array.from(p, (v, k) => Math.abs(v - q[k]))) / scale;
    }),
  );
}

/** Expects a compiled function to agree with the eager one to rounding in float64. */
function expectSame<A extends readonly object[]>(f: (...args: A) => object, ...args: A): void {
  expect(difference(f(...args), compile(f)(...args))).toBeLessThan(1e-12);
}

const cell = lstmCell(3, 4, { dtype: "float64" });
const loss = (p: object, xs: Tensor): Tensor => {
  const [{ c }, ys] = scan(cell.step as never, p, cell.initialState(2), xs) as unknown as [
    { c: Tensor },
    Tensor,
  ];
  return ys.square().sum().add(c.sum());
};
const params = cell.init(key(0));
const xs = random([5, 2, 3], 9);

describe("a loop in a program", () => {
  test("forward", () => expectSame(loss, params, xs));
  test("grad", () => expectSame((p: object, x: Tensor) => grad(loss)(p, x), params, xs));
  test("grad by inputs", () =>
    expectSame((x: Tensor) => grad((y: Tensor) => loss(params, y))(x), xs));
  test("second order", () =>
    expectSame(
      (p: typeof params, x: Tensor) => hvp((q: typeof params) => loss(q, x), p, p),
      params,
      xs,
    ));
  test("rev over rev", () =>
    expectSame(
      (p: typeof params, x: Tensor) =>
        grad((q: typeof params) =>
          leaves(grad((r: typeof params) => loss(r, x))(q))
            .map((t) => t.square().sum())
            .reduce((a, b) => a.add(b)),
        )(p),
      params,
      xs,
    ));
  test("jvp", () =>
    expectSame(
      (p: typeof params, x: Tensor) => jvp((q: typeof params) => loss(q, x), p, p),
      params,
      xs,
    ));
  test("vmap of grad", () =>
    expectSame(
      (x: Tensor) =>
        vmap((y: Tensor) =>
          grad((p: object) =>
            loss(p, y.reshape([5, 1, 3]).add(zeros([5, 2, 3], { dtype: "float64" }))),
          )(params),
        )(x),
      random([3, 5, 3], 4),
    ));
});
