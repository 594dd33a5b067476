/** @file First values of weights. The same key gives the same ones, to rounding, on every backend. */
import {
  checkOptions,
  full,
  mul,
  normal,
  type Shape,
  ShapeError,
  type Tensor,
  tensor,
  to,
  uniform,
} from "@tapeloop/autograd";

/** The element types that weights may have. */
export type FloatType = "float32" | "float64";

/** How weights are made. */
export interface InitializerOptions {
  /** Default: float32. */
  readonly dtype?: FloatType;
}

/** Makes first values of a shape from a key. It lives where the key lives. */
export type Initializer = (key: Tensor, shape: Shape, options?: InitializerOptions) => Tensor;

/** Rows and columns of a weight matrix: how many inputs and outputs it connects. */
function matrixSizes(op: string, shape: Shape): readonly [fanIn: number, fanOut: number] {
  if (shape.length !== 2 || shape.includes(0)) {
    throw new ShapeError(op, "weights are a matrix [inputs, outputs]", `[${shape.join(", ")}]`);
  }
  return [shape[0], shape[1]];
}

/** Zeros; the key is not used. */
export function zerosInit(key: Tensor, shape: Shape, options: InitializerOptions = {}): Tensor {
  checkOptions("zerosInit", options, ["dtype"]);
  return to(full(shape, 0, options), key.backend);
}

/**
 * An initializer of even distribution in [low, high).
 *
 * @example
 * ```ts
 * import { key, linear, uniformInit } from "tapeloop";
 *
 * const layer = linear(3, 4, { weights: uniformInit(-0.1, 0.1) });
 * console.log(layer.init(key(0)).W.abs().max().less(0.1).item()); // 1
 * ```
 */
export function uniformInit(low: number, high: number): Initializer {
  return (key, shape, options = {}) => {
    checkOptions("uniformInit", options, ["dtype"]);
    return uniform(shape, low, high, { key, ...options });
  };
}

/**
 * Even distribution in [−a, a), a = √(6 / (fanIn + fanOut)): the variance 2 / (fanIn + fanOut) keeps that
 * of activations and of gradients near 1 through the layer. The default for weights of inputs.
 *
 * Shapes: [fanIn, fanOut]. Several gates side by side count as outputs of one matrix, as in Keras.
 *
 * Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
 * networks", eq. 16.
 *
 * @throws ShapeError if the shape is not that of a matrix.
 *
 * @example
 * ```ts
 * import { glorotUniform, key } from "tapeloop";
 *
 * const W = glorotUniform(key(0), [2, 4]);
 * console.log(W.shape, W.abs().max().less(1).item()); // [ 2, 4 ] 1
 * ```
 */
export function glorotUniform(key: Tensor, shape: Shape, options: InitializerOptions = {}): Tensor {
  checkOptions("glorotUniform", options, ["dtype"]);
  const [fanIn, fanOut] = matrixSizes("glorotUniform", shape);
  const a = Math.sqrt(6 / (fanIn + fanOut));
  return uniform(shape, -a, a, { key, ...options });
}

/**
 * Normal distribution with the variance of {@link glorotUniform}, 2 / (fanIn + fanOut). It is not
 * truncated: as in PyTorch, other than in Keras.
 *
 * @throws ShapeError if the shape is not that of a matrix.
 */
export function glorotNormal(key: Tensor, shape: Shape, options: InitializerOptions = {}): Tensor {
  checkOptions("glorotNormal", options, ["dtype"]);
  const [fanIn, fanOut] = matrixSizes("glorotNormal", shape);
  return mul(normal(shape, { key, ...options }), Math.sqrt(2 / (fanIn + fanOut)));
}

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
