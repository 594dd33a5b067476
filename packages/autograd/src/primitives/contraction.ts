/** @file The one contraction: sums of products over chosen axes. matmul, dot and outer are compositions. */
import { apply } from "../apply.ts";
import {
  ArgumentError,
  AxisError,
  describe,
  DTypeError,
  InternalError,
  ShapeError,
} from "../errors.ts";
import { toTensor } from "../operands.ts";
import { type OnePrimitive } from "../primitive.ts";
import { formatType, formatTypes, type Shape, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { moveAxis, shifted } from "./batching.ts";
import { add, type Operands } from "./binary.ts";
import { permute } from "./movement.ts";

/**
 * Which axes of x and y go together. Axes in neither list are free. The result has the batch axes
 * first, then the free axes of x, then those of y, each in rising order.
 */
export interface DotAxes {
  /** Axes that run together and stay: [of x, of y]. */
  readonly batch: readonly [readonly number[], readonly number[]];
  /** Axes that run together and are summed: [of x, of y]. */
  readonly contract: readonly [readonly number[], readonly number[]];
}

/** The axes of `shape` that are in neither list, in rising order. */
function freeAxes(shape: Shape, batch: readonly number[], contract: readonly number[]): number[] {
  return shape.map((_, i) => i).filter((i) => !batch.includes(i) && !contract.includes(i));
}

/** Each axis exists and is named once. */
function checkAxes(x: TensorType, batch: readonly number[], contract: readonly number[]): void {
  const axes = [...batch, ...contract];
  const exist = axes.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < x.shape.length);
  if (!exist || new Set(axes).size !== axes.length) {
    throw new AxisError(
      "dotGeneral",
      "axes are counted from the front, and each is named once",
      `[${axes.join(", ")}] for ${formatType(x)}`,
    );
  }
}

/** Σ over the contracted axes of x y. Its derivative is itself. */
export const DotGeneral: OnePrimitive<"dotGeneral", DotAxes, Operands> = {
  name: "dotGeneral",
  work: "heavy",
  results: "one",
  type: ([x, y], { batch, contract }) => {
    if (x.dtype !== y.dtype) {
      throw new InternalError(`dotGeneral of one dtype expected, got ${formatTypes([x, y])}`);
    }
    checkAxes(x, batch[0], contract[0]);
    checkAxes(y, batch[1], contract[1]);
    const check = ([xs, ys]: DotAxes["batch"], what: string): void => {
      if (xs.length !== ys.length) {
        throw new AxisError(
          "dotGeneral",
          `as many ${what} axes of one operand as of the other`,
          `[${xs.join(", ")}] and [${ys.join(", ")}]`,
        );
      }
      xs.forEach((axis, i) => {
        const [m, n] = [x.shape[axis], y.shape[ys[i]]];
        if (m !== n) {
          throw new ShapeError(
            "dotGeneral",
            `${what} axes must agree in size`,
            `${formatTypes([x, y])} (${m} ≠ ${n})`,
          );
        }
      });
    };
    check(batch, "batch");
    check(contract, "contracted");
    const shape = [
      ...batch[0].map((axis) => x.shape[axis]),
      ...freeAxes(x.shape, batch[0], contract[0]).map((axis) => x.shape[axis]),
      ...freeAxes(y.shape, batch[1], contract[1]).map((axis) => y.shape[axis]),
    ];
    return { shape, dtype: x.dtype };
  },
  saves: ([x, y]) => ({ x, y }),
  vjp: (g, { x, y }, axes, input) =>
    input === 0
      ? cotangentOfLeft(g, x.shape, y, axes, false)
      : cotangentOfLeft(g, y.shape, x, swap(axes), true),
  jvp: ([tx, ty], { x, y }, axes) => {
    const ofX = tx === null ? null : dotGeneral(tx, y, axes);
    const ofY = ty === null ? null : dotGeneral(x, ty, axes);
    return ofX === null ? (ofY as Tensor) : ofY === null ? ofX : add(ofX, ofY);
  },
  batch: (_, [x, y], { batch: [xb, yb], contract: [xc, yc] }) => {
    if (x.isBatched && y.isBatched) {
      return dotGeneral(x.x, y.x, {
        batch: [
          [0, ...shifted(xb)],
          [0, ...shifted(yb)],
        ],
        contract: [shifted(xc), shifted(yc)],
      });
    }
    // The examples are one more free axis of the operand that has them: its first.
    if (x.isBatched) {
      const axes: DotAxes = { batch: [shifted(xb), yb], contract: [shifted(xc), yc] };
      return moveAxis(dotGeneral(x.x, y.x, axes), xb.length, 0);
    }
    const axes: DotAxes = { batch: [xb, shifted(yb)], contract: [xc, shifted(yc)] };
    return moveAxis(dotGeneral(x.x, y.x, axes), x.x.rank - xc.length, 0);
  },
  // One product that contracts over the steps, too.
  total: (lane, total, axes) => {
    const [x, y] = [lane(0), lane(1)];
    if (!x.isBatched) return dotGeneral(x.x, total(1), axes);
    if (!y.isBatched) return dotGeneral(total(0), y.x, axes);
    const { batch, contract } = axes;
    return dotGeneral(x.x, y.x, {
      batch: [shifted(batch[0]), shifted(batch[1])],
      contract: [
        [0, ...shifted(contract[0])],
        [0, ...shifted(contract[1])],
      ],
    });
  },
};

/** The axes seen from the second operand. */
function swap({ batch, contract }: DotAxes): DotAxes {
  return { batch: [batch[1], batch[0]], contract: [contract[1], contract[0]] };
}

/**
 * The cotangent of the operand with shape `left`, whose partner is `right`: g contracted with `right`
 * over the free axes of `right`, put back in the order of `left`. The operands stand so that matrices come out in
 * that order at once.
 *
 * @param swapped - Whether `left` stood second, so that its free axes come last in g.
 */
function cotangentOfLeft(
  g: Tensor,
  left: Shape,
  right: Tensor,
  { batch: [lb, rb], contract: [lc, rc] }: DotAxes,
  swapped: boolean,
): Tensor {
  const lf = freeAxes(left, lb, lc);
  const rf = freeAxes(right.shape, rb, rc);
  const start = lb.length + (swapped ? 0 : lf.length);
  const [gb, gc] = [lb.map((_, i) => i), rf.map((_, i) => start + i)];
  const product = swapped
    ? dotGeneral(right, g, { batch: [rb, gb], contract: [rf, gc] })
    : dotGeneral(g, right, { batch: [gb, rb], contract: [gc, rf] });
  // The product's axes are: batch, and as the operands stand free axes of left, contracted ones in the order of right.
  const contracted = rc
    .map((axis, i) => [axis, lc[i]] as const)
    .toSorted((a, b) => a[0] - b[0])
    .map(([, axis]) => axis);
  const order = swapped ? [...lb, ...contracted, ...lf] : [...lb, ...lf, ...contracted];
  return permute(
    product,
    left.map((_, axis) => order.indexOf(axis)),
  );
}

/**
 * Sums of products over chosen axes: the general contraction that {@link matmul} and the others are
 * made of. Both operands have one element type.
 *
 * @throws ShapeError if axes that go together differ in size.
 */
export function dotGeneral(x: Tensor, y: Tensor, axes: DotAxes): Tensor {
  const [a, b] = [toTensor(x), toTensor(y)];
  if (a.dtype !== b.dtype) {
    throw new DTypeError(
      "dotGeneral",
      "both operands must have one element type",
      formatTypes([a, b]),
      "Use matmul(), or cast() one of them.",
    );
  }
  for (const pair of [axes?.batch, axes?.contract]) {
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every(Array.isArray)) {
      throw new ArgumentError(
        "dotGeneral",
        "axes are { batch, contract }, each with the axes of x and those of y",
        describe(axes),
        "Write { batch: [[], []], contract: [[1], [0]] }.",
      );
    }
  }
  return apply(DotGeneral, [a, b], axes);
}
