import { describe, expect, test } from "vitest";
import {
  compile,
  detectAnomaly,
  exp,
  full,
  grad,
  key,
  matmul,
  NumericError,
  scan,
  setDefaultBackend,
  tensor,
  type Tensor,
  where,
  within,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { linear, lstmCell } from "@tapeloop/nn";

setDefaultBackend(ndarrayBackend);

/** The message of what `f` throws, with the source line's folder and number taken out. */
function messageOf(f: () => unknown): string {
  try {
    f();
  } catch (error) {
    return (error as Error).message.replaceAll(/\S*\/(\w+\.test\.ts):\d+:\d+/g, "$1:LINE");
  }
  return "nothing was thrown";
}

describe("detectAnomaly", () => {
  test("names the op, the range of its input and the line; float64 tells an overflow", () => {
    const f = detectAnomaly((x: Tensor) => exp(x.mul(2)));
    expect(messageOf(() => f(tensor([1, 60])))).toMatchInlineSnapshot(
      `"exp: the result must be finite, got Infinity from float32[2] in [2.000, 120.0]. Called at anomaly.test.ts:LINE. In float64 it does not happen: float32 overflows here."`,
    );
    expect(f(tensor([1, 2])).toArray()).toHaveLength(2);
  });

  test("a mistake in the formula is one in float64 too", () => {
    const f = detectAnomaly((x: Tensor) => x.sub(1).log());
    expect(messageOf(() => f(tensor([1.5, 0.5])))).toMatchInlineSnapshot(
      `"log: the result must be finite, got NaN from float32[2] in [-0.5000, 0.5000]. Called at anomaly.test.ts:LINE. In float64 it happens too: look at the formula."`,
    );
  });

  test("finds it in a derivative, and names the op it belongs to", () => {
    const f = detectAnomaly(grad((x: Tensor) => x.sqrt().mul(0).sum()));
    expect(messageOf(() => f(tensor([1, 0])))).toMatchInlineSnapshot(
      `"div: the result must be finite, got NaN from float32[2] in [0.000, 0.000] and float32[2] in [0.000, 2.000]. Called at anomaly.test.ts:LINE. (in the derivative of "sqrt" called at anomaly.test.ts:LINE) In float64 it happens too: look at the formula."`,
    );
  });

  test("names the step of a scan and the places around it, in both directions", () => {
    const xs = tensor([1, 1, 300, 1]);
    const run = (x: Tensor, h0: Tensor): Tensor =>
      within("decoder", () =>
        scan((_: null, h: Tensor, u: Tensor) => [h.add(exp(u)), null], null, h0, x),
      )[0];
    expect(messageOf(() => detectAnomaly(run)(xs, tensor(0)))).toMatchInlineSnapshot(
      `"exp: the result must be finite, got Infinity from float32[] in [300.0, 300.0]. Called at anomaly.test.ts:LINE. (in decoder, step 2) In float64 it does not happen: float32 overflows here."`,
    );
    const roots = (x: Tensor): Tensor =>
      scan(
        (_: null, h: Tensor, u: Tensor) => [h.add(u.sqrt().mul(0)), null],
        null,
        tensor(0),
        x,
      )[0];
    expect(messageOf(() => detectAnomaly(grad(roots))(tensor([1, 0, 1])))).toMatchInlineSnapshot(
      `"div: the result must be finite, got NaN from float32[] in [0.000, 0.000] and float32[] in [0.000, 0.000]. Called at anomaly.test.ts:LINE. (in the derivative of "sqrt" called at step 1, anomaly.test.ts:LINE) In float64 it happens too: look at the formula."`,
    );
  });

  test("lets Infinity that was asked for through", () => {
    const f = detectAnomaly((x: Tensor) => where(x.greater(0), x, -Infinity).softmax());
    expect(f(tensor([1, -1])).toArray()).toEqual([1, 0]);
  });

  test("costs nothing and finds nothing when it is off", () => {
    expect(exp(tensor(1000)).item()).toBe(Infinity);
    expect(() => detectAnomaly(() => exp(tensor(1000)))()).toThrow(NumericError);
  });
});

describe("errors name their place", () => {
  test("the step of a scan, and what stands around it", () => {
    const cell = (_: null, h: Tensor, u: Tensor) => [matmul(h, u), null] as const;
    expect(
      messageOf(() => within("encoder", () => scan(cell, null, zeros([2, 3]), zeros([5, 4, 3])))),
    ).toMatchInlineSnapshot(
      `"matmul: inner axes must agree, got float32[2,3] and float32[4,3] (3 ≠ 4). Did you mean transpose(b)? (in encoder, step 0)"`,
    );
  });
});

describe("layers", () => {
  const cell = lstmCell(2, 3);
  const params = { cell: cell.init(key(0)), output: linear(3, 1).init(key(1)) };
  const model = (p: typeof params, xs: Tensor): Tensor =>
    within("encoder", () => {
      const [, ys] = scan(cell.step, p.cell, cell.initialState(1), xs);
      return linear(3, 1).apply(p.output, ys).sum();
    });

  test("are named, from the outside in, with their step, in errors and anomalies", () => {
    const wide = { ...params, cell: { ...params.cell, b: zeros([13]) } };
    expect(messageOf(() => model(wide, zeros([4, 1, 2])))).toMatchInlineSnapshot(
      `"add: shapes must agree or be 1 along each axis, aligned at the last, got float32[1,12] and float32[13] (12 ≠ 13). Use reshape() or expandDims() to line the axes up. (in encoder, step 0, lstmCell)"`,
    );
    const inside = { ...params, cell: { ...params.cell, Wx: full([2, 12], 3e38) } };
    expect(
      messageOf(() => detectAnomaly(model)(inside, full([4, 1, 2], 50))),
    ).toMatchInlineSnapshot(
      `"dotGeneral: the result must be finite, got Infinity from float32[1,2] in [50.00, 50.00] and float32[2,12] in [3.000e+38, 3.000e+38]. Called at anomaly.test.ts:LINE. (in encoder, step 0, lstmCell) In float64 it does not happen: float32 overflows here."`,
    );
  });

  test("are named in derivatives", () => {
    const f = (p: typeof params, xs: Tensor): Tensor =>
      within("head", () => model(p, xs).mul(0).sqrt());
    expect(
      messageOf(() => detectAnomaly(grad(f))(params, full([4, 1, 2], 1))),
    ).toMatchInlineSnapshot(
      `"div: the result must be finite, got Infinity from float32[] in [1.000, 1.000] and float32[] in [0.000, 0.000]. Called at anomaly.test.ts:LINE. (in the derivative of "sqrt" called at head, anomaly.test.ts:LINE) In float64 it happens too: look at the formula."`,
    );
  });

  test("are named in errors of compiled functions", () => {
    const wide = { ...params, cell: { ...params.cell, b: zeros([13]) } };
    expect(messageOf(() => compile(model)(wide, zeros([4, 1, 2])))).toBe(
      messageOf(() => model(wide, zeros([4, 1, 2]))),
    );
  });
});
