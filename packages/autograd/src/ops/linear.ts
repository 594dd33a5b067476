/** @file Products of vectors and matrices: choices of axes for the one contraction. */
import { isFloat, promote } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import { floatOperand, toTensor } from "../operands.ts";
import { cast } from "../primitives/choice.ts";
import { dotGeneral } from "../primitives/contraction.ts";
import { broadcastTo, reshape } from "../primitives/movement.ts";
import { broadcastShapes, formatTypes, type Shape } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { MatmulOp } from "../shape-types.ts";

/** Operands of a product: one element type, a floating-point one. */
function factors(a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  const [x, y] = [toTensor(a), toTensor(b)];
  const dtype = promote(x.dtype, y.dtype);
  if (!isFloat(dtype)) return [floatOperand(x), floatOperand(y)];
  return [cast(x, dtype), cast(y, dtype)];
}

/**
 * The matrix product, as in NumPy: the last axis of x is summed against the second to last of y.
 * Axes in front are batches and broadcast; a vector is a row on the left, a column on the right.
 *
 * Shapes: [m,k] [k,n] → [m,n]; [k] [k] → []; [...,m,k] [...,k,n] → [...,m,n].
 *
 * @throws ShapeError if the inner axes differ, or an operand is a single number.
 *
 * @example
 * ```ts
 * import { matmul, tensor } from "tapeloop";
 *
 * console.log(matmul(tensor([[1, 2], [3, 4]]), tensor([1, 1])).toArray()); // [ 3, 7 ]
 * ```
 */
export const matmul: MatmulOp = (a: TensorLike, b: TensorLike): Tensor => {
  const [x, y] = factors(a, b);
  if (x.rank === 0 || y.rank === 0) {
    throw new ShapeError(
      "matmul",
      "operands need at least one axis",
      formatTypes([x, y]),
      "Use mul() for a product with a number.",
    );
  }
  const inner = Math.max(y.rank - 2, 0);
  const [m, n] = [x.shape[x.rank - 1], y.shape[inner]];
  if (m !== n) {
    throw new ShapeError(
      "matmul",
      "inner axes must agree",
      `${formatTypes([x, y])} (${m} ≠ ${n})`,
      y.rank === 2 && y.shape[1] === m ? "Did you mean transpose(b)?" : "",
    );
  }
  if (y.rank > 2) return batched(x, y);
  // Beside a plain matrix or vector, batch axes of x are just more rows.
  return dotGeneral(x, y, { batch: [[], []], contract: [[x.rank - 1], [inner]] });
};

/** The product of operands of which the right one has batch axes. */
function batched(x: Tensor, y: Tensor): Tensor {
  const rows = x.rank === 1 ? reshape(x, [1, ...x.shape]) : x;
  const batch = broadcastShapes(
    "matmul",
    { shape: rows.shape.slice(0, -2), dtype: x.dtype },
    { shape: y.shape.slice(0, -2), dtype: y.dtype },
  );
  const axes = batch.map((_, i) => i);
  const result = dotGeneral(
    broadcastTo(rows, [...batch, ...rows.shape.slice(-2)]),
    broadcastTo(y, [...batch, ...y.shape.slice(-2)]),
    { batch: [axes, axes], contract: [[batch.length + 1], [batch.length]] },
  );
  const shape: Shape = [...batch, ...result.shape.slice(-1)];
  return x.rank === 1 ? reshape(result, shape) : result;
}

/** Σ x y of two vectors. Shapes: [n] [n] → []. */
export function dot(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = factors(a, b);
  if (x.rank !== 1 || y.rank !== 1) {
    throw new ShapeError("dot", "takes two vectors", formatTypes([x, y]), "Use matmul().");
  }
  return matmul(x, y);
}

/** Every product of an element of x with one of y. Shapes: [m] [n] → [m,n]. */
export function outer(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = factors(a, b);
  if (x.rank !== 1 || y.rank !== 1) {
    throw new ShapeError("outer", "takes two vectors", formatTypes([x, y]));
  }
  return dotGeneral(x, y, { batch: [[], []], contract: [[], []] });
}
