import {
  checkGradients,
  grad,
  key,
  normal,
  setDefaultBackend,
  sigmoid,
  type Tensor,
  tensor,
  uniform,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  binaryCrossEntropy,
  meanSquaredError,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
} from "@tapeloop/nn";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

const int32 = (data: number[] | number[][] | number): Tensor => tensor(data, { dtype: "int32" });

describe("softmaxCrossEntropy", () => {
  test("costs ln N for a uniform guess", () => {
    expect(softmaxCrossEntropy(zeros([5]), int32(3)).item()).toBeCloseTo(Math.log(5), 6);
  });

  test("keeps its leading axes if it is not reduced", () => {
    const losses = softmaxCrossEntropy(
      zeros([3, 2, 4]),
      int32([
        [0, 1],
        [2, 3],
        [0, 0],
      ]),
      {
        reduction: "none",
      },
    );
    expect(losses.shape).toEqual([3, 2]);
  });

  test("takes each label in its own row", () => {
    const logits = tensor([
      [9, 0, 0],
      [0, 0, 9],
    ]);
    expect(softmaxCrossEntropy(logits, int32([0, 2])).item()).toBeLessThan(1e-3);
    expect(softmaxCrossEntropy(logits, int32([2, 0])).item()).toBeGreaterThan(8.9);
  });

  test("has the gradient softmax − one-hot, by the number of rows", () => {
    const logits = normal([2, 3], { key: key(0) });
    const g = grad((x: Tensor) => softmaxCrossEntropy(x, int32([1, 2])))(logits);
    const wanted = logits
      .softmax()
      .sub(
        tensor([
          [0, 1, 0],
          [0, 0, 1],
        ]),
      )
      .div(2);
    expect(g.sub(wanted).abs().max().item()).toBeLessThan(1e-7);
  });

  test("has finite values and gradients for logits of any size, and of −Infinity", () => {
    const logits = tensor([
      [1e30, 0, -1e30],
      [-Infinity, 0, 0],
    ]);
    const loss = (x: Tensor): Tensor => softmaxCrossEntropy(x, int32([0, 1]), { reduction: "sum" });
    expect(loss(logits).item()).toBeCloseTo(Math.LN2, 6);
    expect(grad(loss)(logits).toArray()).toEqual([
      [0, 0, 0],
      [0, -0.5, 0.5],
    ]);
  });

  test("refuses labels that are no classes, also where a neighbouring row would be read", () => {
    const loss =
      (...labels: number[]) =>
      (): Tensor =>
        softmaxCrossEntropy(zeros([2, 3]), int32(labels));
    expect(loss(3, 0)).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: gather: indices along axis 0 must be in [0, 3), got 3 at place 0. Indices count from 0.]`,
    );
    expect(loss(0, -1)).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: gather: indices along axis 0 must be in [0, 3), got -1 at place 1. Indices count from 0.]`,
    );
  });

  test("refuses labels of another shape or element type", () => {
    const loss = (labels: Tensor) => (): Tensor => softmaxCrossEntropy(zeros([2, 3]), labels);
    expect(loss(int32([[0], [1]]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: softmaxCrossEntropy: labels must have the shape of the logits without its last axis, got float32[2,3] and int32[2,1].]`,
    );
    expect(loss(tensor([0, 1]))).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: softmaxCrossEntropy: labels must be int32, got float32[2]. Use cast(x, "int32").]`,
    );
    expect(() => softmaxCrossEntropy(zeros([]), int32(0))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: softmaxCrossEntropy: labels must have the shape of the logits without its last axis, got float32[] and int32[].]`,
    );
  });
});

test("every loss has the derivatives that differences have", () => {
  const at = normal([3, 4], { key: key(0), dtype: "float64" });
  const target = uniform([3, 4], 0, 1, { key: key(1), dtype: "float64" });
  checkGradients((x: Tensor) => softmaxCrossEntropy(x, int32([0, 3, 3])), at);
  checkGradients((x: Tensor) => meanSquaredError(x, target), at);
  checkGradients((x: Tensor) => sigmoidCrossEntropy(x, target), at);
  checkGradients((x: Tensor) => binaryCrossEntropy(sigmoid(x), target), at);
});

test("sigmoidCrossEntropy has its own gradient at 0, to second order", () => {
  const loss = (x: Tensor): Tensor => sigmoidCrossEntropy(x, tensor([1]));
  const slope = (x: Tensor): Tensor => grad(loss)(x).sum();
  expect(grad(loss)(tensor([0])).toArray()).toEqual([-0.5]);
  expect(grad(slope)(tensor([0])).toArray()).toEqual([0.25]);
});

test("binaryCrossEntropy is finite at 0 and 1, right or wrong", () => {
  const p = tensor([0, 1, 0, 1]);
  const target = tensor([0, 1, 1, 0]);
  const loss = (x: Tensor): Tensor => binaryCrossEntropy(x, target, { reduction: "sum" });
  expect(loss(p).item()).toBeCloseTo(2 * 126 * Math.LN2, 3);
  expect(grad(loss)(p).toArray()).toEqual(
    [0, 0, 0, 0].map(() => expect.toSatisfy(Number.isFinite)),
  );
});

test.each(Object.entries({ meanSquaredError, sigmoidCrossEntropy, binaryCrossEntropy }))(
  "%s does not broadcast",
  (_, loss) => {
    expect(() => loss(zeros([3, 1]), zeros([3]))).toThrow(
      "predictions and targets must have the same shape, got float32[3,1] and float32[3].",
    );
  },
);

test("unknown options and reductions are refused", () => {
  const x = zeros([1]);
  expect(() =>
    meanSquaredError(x, x, { reduce: "sum" } as object),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: meanSquaredError: options are reduction, weights, mask, got "reduce". Remove or correct it.]`,
  );
  expect(() =>
    meanSquaredError(x, x, { reduction: "max" as "sum" }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: meanSquaredError: reduction is "mean", "sum" or "none", got max.]`,
  );
});
