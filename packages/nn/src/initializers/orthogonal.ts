/** @file First values that keep lengths: orthogonal matrices, identities. */
import {
  ArgumentError,
  checkFiniteNumbers,
  checkOptions,
  eye,
  mul,
  normal,
  type Shape,
  ShapeError,
  type Tensor,
  tensor,
  to,
} from "@tapeloop/autograd";
import { checkSizes } from "../sizes.ts";
import { type Initializer, type InitializerOptions, matrixSizes } from "./initializer.ts";

/**
 * A random matrix with orthonormal rows, or columns if it has fewer of them, drawn evenly from all such
 * matrices: products with a square one change no length, so signals neither grow nor fade through
 * time. The default for recurrent weights.
 *
 * Shapes: [m, n]; W·Wᵀ = 1 for m ≤ n, Wᵀ·W = 1 for m ≥ n. With several gates side by side, [H, 4H], the
 * rows of the whole are orthonormal, as in Keras.
 *
 * Source: Saxe, McClelland and Ganguli 2014, arXiv:1312.6120. Normal vectors are orthogonalized in float64
 * by Gram and Schmidt's procedure; it makes the factor R of A = Q·R positive on its diagonal, the condition
 * for an even distribution (Mezzadri 2007, arXiv:math-ph/0609050).
 *
 * @throws ShapeError if the shape is not that of a matrix.
 * @throws BackendError on a backend that cannot be read at once.
 *
 * @example
 * ```ts
 * import { key, orthogonal } from "tapeloop";
 *
 * const W = orthogonal(key(0), [2, 2]);
 * console.log(W.matmul(W.transpose()).sum().item().toFixed(5)); // 2.00000
 * ```
 */
export function orthogonal(key: Tensor, shape: Shape, options: InitializerOptions = {}): Tensor {
  checkOptions("orthogonal", options, ["dtype"]);
  const [m, n] = matrixSizes("orthogonal", shape);
  const [count, length] = m < n ? [m, n] : [n, m];
  const vectors = Float64Array.from(normal([count, length], { key, ...options }).dataSync());
  orthonormalize(vectors, count, length);
  const { dtype = "float32" } = options;
  const rows = tensor(vectors, { shape: [count, length], dtype, backend: key.backend });
  return m < n ? rows : rows.transpose();
}

/**
 * Makes `count` vectors of `length` numbers, one after the other in an array, orthonormal in place:
 * modified Gram-Schmidt. A vector that loses much of its length is worked on again, since what is left of
 * it may be rounding ("twice is enough", Daniel, Gragg, Kaufman and Stewart 1976).
 */
function orthonormalize(vectors: Float64Array, count: number, length: number): void {
  for (let i = 0; i < count; i++) {
    const v = vectors.subarray(i * length, (i + 1) * length);
    let before = 0;
    let norm = Math.sqrt(dot(v, v));
    do {
      before = norm;
      for (let j = 0; j < i; j++) {
        const q = vectors.subarray(j * length, (j + 1) * length);
        const along = dot(q, v);
        for (let k = 0; k < length; k++) v[k] -= along * q[k];
      }
      norm = Math.sqrt(dot(v, v));
    } while (norm < Math.SQRT1_2 * before);
    for (let k = 0; k < length; k++) v[k] /= norm;
  }
}

/** Σ a b */
function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

/**
 * {@link orthogonal} times a number, as PyTorch's `orthogonal_` with its gain.
 *
 * @throws ArgumentError if the gain is no finite number.
 *
 * @example
 * ```ts
 * import { key, orthogonalTimes } from "tapeloop";
 *
 * const W = orthogonalTimes(2)(key(0), [3, 3]);
 * console.log(W.matmul(W.transpose()).sum().item().toFixed(4)); // 12.0000
 * ```
 */
export function orthogonalTimes(gain: number): Initializer {
  if (!Number.isFinite(gain)) {
    throw new ArgumentError("orthogonalTimes", "the gain is a finite number", String(gain));
  }
  return (key, shape, options = {}) => mul(orthogonal(key, shape, options), gain);
}

/**
 * The identity times a number: ones on the diagonal of a matrix, zeros elsewhere. As recurrent weights of an
 * {@link rnnCell} with a rectifier it is the IRNN.
 *
 * Source: Le, Jaitly and Hinton 2015, arXiv:1504.00941.
 *
 * @throws ArgumentError if the gain is no finite number; ShapeError if the shape is not that of a matrix.
 *
 * @example
 * ```ts
 * import { identityInit, key, rnnCell } from "tapeloop";
 *
 * const cell = rnnCell(2, 2, { activation: "relu", recurrentWeights: identityInit() });
 * console.log(cell.init(key(0)).Wh.toArray()); // [ [ 1, 0 ], [ 0, 1 ] ]
 * ```
 */
export function identityInit(gain = 1): Initializer {
  checkFiniteNumbers("identityInit", { gain });
  return (key, shape, options = {}) => {
    checkOptions("identityInit", options, ["dtype"]);
    const [m, n] = matrixSizes("identityInit", shape);
    const { dtype = "float32" } = options;
    const square = to(eye(Math.max(m, n), { dtype }), key.backend);
    return mul(square.slice([{ stop: m }, { stop: n }]), gain);
  };
}

/**
 * Kernels of a convolution that hand their inputs through: 1 in the middle of the window from input i to output i.
 * With groups each of them hands its own inputs through.
 *
 * Shapes: [outputs, inputs / groups, ...window], of one or two axes.
 *
 * Source: Zagoruyko and Komodakis 2017, arXiv:1706.00388; PyTorch's `dirac_`.
 *
 * @throws ArgumentError if the groups do not divide the outputs; ShapeError if the shape is none of a kernel.
 *
 * @example
 * ```ts
 * import { diracInit, key, select } from "tapeloop";
 *
 * console.log(select(diracInit()(key(0), [2, 2, 3]), 1).toArray()); // [ [ 0, 0, 0 ], [ 0, 1, 0 ] ]
 * ```
 */
export function diracInit(groups = 1): Initializer {
  checkSizes("diracInit", { groups });
  return (key, shape, options = {}) => {
    checkOptions("diracInit", options, ["dtype"]);
    if (shape.length < 3 || shape.length > 4 || shape.includes(0)) {
      const rule = "weights are kernels [outputs, inputs, ...window]";
      throw new ShapeError("diracInit", rule, `[${shape.join(", ")}]`);
    }
    const [outputs, inputs, ...window] = shape;
    if (outputs % groups !== 0) {
      const rule = `groups divide the ${outputs} outputs`;
      throw new ArgumentError("diracInit", rule, String(groups));
    }
    const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
    const area = window.reduce((a, b) => a * b, 1);
    const middle = window.reduce((at, size) => at * size + Math.floor(size / 2), 0);
    const each = outputs / groups;
    for (let o = 0; o < outputs; o++) {
      const i = o % each;
      if (i < inputs) data[(o * inputs + i) * area + middle] = 1;
    }
    const { dtype = "float32" } = options;
    return tensor(data, { shape, dtype, backend: key.backend });
  };
}
