/** @file Attention: rows of values, weighted by how well their keys fit a query. */
import {
  arange,
  ArgumentError,
  checkOptions,
  concat,
  DTypeError,
  expandDims,
  lessEqual,
  matmul,
  permute,
  reshape,
  scope,
  ShapeError,
  softmax,
  splitKey,
  squeeze,
  sub,
  swapAxes,
  tanh,
  type Tensor,
  where,
  within,
} from "@tapeloop/autograd";
import type { FloatType, Initializer } from "../initializers/initializer.ts";
import { zerosInit } from "../initializers/plain.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { checkLastAxis, checkSizes, typeOf } from "../sizes.ts";
import { probe } from "../rnn/probe.ts";

/** Which keys a query may look at. */
export interface AttentionOptions {
  /** Bool, of a shape that broadcasts to the scores [..., Q, K]: [K] or [B, 1, K] for padding. Default: all. */
  readonly mask?: Tensor;
  /** Whether query i looks at keys up to i alone; the last query sees the last key. Default: false. */
  readonly causal?: boolean;
}

/** What attention returns. */
export interface Attended {
  /** Σ of values, by their weights: [..., Q, V]. */
  readonly outputs: Tensor;
  /** How much each key counts: [..., Q, K]. */
  readonly weights: Tensor;
}

/** Values as they are where a mask is true, and 0 for rows that no query may see. */
function weightsOf(op: string, scores: Tensor, { mask, causal = false }: AttentionOptions): Tensor {
  if (mask !== undefined && mask.dtype !== "bool") {
    throw new DTypeError(op, "the mask must be bool", typeOf(mask));
  }
  const [Q, K] = scores.shape.slice(-2);
  let allowed = scores;
  // Far below every score; what may not be seen has the weight 0, also where nothing may be.
  const never = -1e30;
  if (causal) {
    const [keys, queries] = [K, Q].map((n) => arange(0, n, 1, { dtype: "int32" }));
    const isBefore = lessEqual(sub(keys, K - Q), expandDims(queries, 1));
    allowed = where(isBefore, allowed, never);
  }
  if (mask !== undefined) allowed = where(mask, allowed, never);
  const weights = softmax(allowed);
  return mask === undefined && !causal ? weights : where(lessEqual(allowed, never), 0, weights);
}

/**
 * Scaled dot-product attention: softmax(q·kᵀ / √D)·v.
 *
 * Keys that a mask leaves out influence neither values nor derivatives, as long as they are finite; queries that may
 * see no key get 0.
 *
 * Shapes: q [..., Q, D], k [..., K, D], v [..., K, V] → outputs [..., Q, V], weights [..., Q, K].
 *
 * Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1.
 *
 * @throws ShapeError if the last axes of q and k differ; DTypeError for a mask that is not bool.
 *
 * @example
 * ```ts
 * import { dotProductAttention, tensor } from "tapeloop";
 *
 * const [q, k, v] = [tensor([[100, 0]]), tensor([[1, 0], [0, 1]]), tensor([[5], [7]])];
 * console.log(dotProductAttention(q, k, v).outputs.toArray()); // [ [ 5 ] ]
 * ```
 */
export function dotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Attended {
  const op = "dotProductAttention";
  checkOptions(op, options, ["mask", "causal"]);
  const D = q.shape[q.rank - 1];
  if (q.rank < 2 || k.rank < 2 || k.shape[k.rank - 1] !== D) {
    throw new ShapeError(
      op,
      "takes queries [..., Q, D] and keys [..., K, D]",
      `[${q.shape.join(",")}] and [${k.shape.join(",")}]`,
    );
  }
  return within(op, () => {
    const scores = matmul(q, swapAxes(k, -1, -2)).mul(1 / Math.sqrt(D));
    const weights = weightsOf(op, scores, options);
    return { outputs: matmul(weights, v), weights };
  });
}

/** Parameters of {@link multiHeadAttention}. */
export interface MultiHeadParameters {
  /** Weights of queries, keys and values [E, E], [Ek, E], [Ev, E]. */
  readonly Wq: Tensor;
  /** Of keys. */
  readonly Wk: Tensor;
  /** Of values. */
  readonly Wv: Tensor;
  /** Of outputs [E, E]. */
  readonly Wo: Tensor;
  /** Biases [E]; absent with `bias: false`. */
  readonly bq?: Tensor;
  /** Of keys. */
  readonly bk?: Tensor;
  /** Of values. */
  readonly bv?: Tensor;
  /** Of outputs. */
  readonly bo?: Tensor;
}

/** Options of {@link multiHeadAttention}. */
export interface MultiHeadOptions {
  /** Ek, the size of what keys are made of. Default: E. */
  readonly keySize?: number;
  /** Ev, the size of what values are made of. Default: Ek. */
  readonly valueSize?: number;
  /** Whether there are biases. Default: true. */
  readonly bias?: boolean;
  /** First values of the weights. Default: {@link glorotUniform}. */
  readonly weights?: Initializer;
  /** Element type of the parameters. Default: float32. */
  readonly dtype?: FloatType;
}

/** Keys and values of the steps so far, for decoding one step at a time: [B, heads, K, E / heads]. */
export interface AttentionCache {
  /** Keys. */
  readonly k: Tensor;
  /** Values. */
  readonly v: Tensor;
}

/** How multi-head attention is called. */
export interface MultiHeadInputs extends AttentionOptions {
  /** What keys are made of [B, K, Ek]. Default: the queries' input. */
  readonly keys?: Tensor;
  /** What values are made of [B, K, Ev]. Default: `keys`. */
  readonly values?: Tensor;
  /** Keys and values of earlier steps, which come before these. */
  readonly cache?: AttentionCache;
}

/** What multi-head attention returns. */
export interface MultiHeadAttended extends Attended {
  /** Keys and values of all steps so far. */
  readonly cache: AttentionCache;
}

/** A multi-head attention layer. */
export interface MultiHeadAttention {
  /** First parameters from a key. */
  init(key: Tensor): MultiHeadParameters;
  /** Outputs [B, Q, E] and weights [B, heads, Q, K] of x [B, Q, E]. */
  apply(parameters: MultiHeadParameters, x: Tensor, inputs?: MultiHeadInputs): MultiHeadAttended;
}

/**
 * Multi-head attention: queries, keys and values are mapped, cut into heads that each look at them by
 * {@link dotProductAttention}, and their outputs side by side are mapped once more.
 *
 * Without `keys` it is self-attention. A mask broadcasts to [B, heads, Q, K]: padding is [B, 1, 1, K].
 *
 * Shapes: x [B,Q,E], keys [B,K,Ek], values [B,K,Ev] → outputs [B,Q,E], weights [B,heads,Q,K].
 * Parameters: 2 E² + Ek E + Ev E, and 4 E with biases. First values: weights Glorot uniform, biases 0.
 *
 * Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2. Values and gradients are those of PyTorch's
 * `MultiheadAttention` with its weights transposed.
 *
 * @param size - E.
 * @param heads - A divisor of E.
 * @throws ArgumentError if the heads do not divide E, a size is not a whole number from 1, or an option is unknown.
 *
 * @example
 * ```ts
 * import { key, multiHeadAttention, normal } from "tapeloop";
 *
 * const layer = multiHeadAttention(8, 2);
 * const x = normal([3, 5, 8], { key: key(1) });
 * const { outputs, weights } = layer.apply(layer.init(key(0)), x, { causal: true });
 * console.log(outputs.shape, weights.shape); // [ 3, 5, 8 ] [ 3, 2, 5, 5 ]
 * ```
 */
export function multiHeadAttention(
  size: number,
  heads: number,
  options: MultiHeadOptions = {},
): MultiHeadAttention {
  const op = "multiHeadAttention";
  checkOptions(op, options, ["keySize", "valueSize", "bias", "weights", "dtype"]);
  const { keySize = size, bias = true, weights = glorotUniform, dtype = "float32" } = options;
  const { valueSize = keySize } = options;
  checkSizes(op, { size, heads, keySize, valueSize });
  if (size % heads !== 0) {
    throw new ArgumentError(op, `heads divide the size ${size}`, String(heads));
  }
  const cut = (x: Tensor): Tensor => {
    const [B, T] = x.shape;
    return permute(reshape(x, [B, T, heads, size / heads]), [0, 2, 1, 3]);
  };
  return {
    init: (key) =>
      scope(() => {
        const keys = splitKey(key, 4);
        const W = (i: number, inputs: number): Tensor =>
          weights(keys[i], [inputs, size], { dtype });
        const b = (): Tensor => zerosInit(key, [size], { dtype });
        const all = {
          Wq: W(0, size),
          Wk: W(1, keySize),
          Wv: W(2, valueSize),
          Wo: W(3, size),
        };
        return bias ? { ...all, bq: b(), bk: b(), bv: b(), bo: b() } : all;
      }),
    apply: (parameters, x, inputs = {}) => {
      checkOptions(op, inputs, ["keys", "values", "cache", "mask", "causal"]);
      const { keys = x, cache, ...others } = inputs;
      const { values = keys, ...looks } = others;
      checkLastAxis(op, "x", x, size);
      checkLastAxis(op, "keys", keys, keySize);
      checkLastAxis(op, "values", values, valueSize);
      return within(op, () => {
        const { Wq, Wk, Wv, Wo, bq, bk, bv, bo } = parameters;
        const own = { k: cut(mapped(keys, Wk, bk)), v: cut(mapped(values, Wv, bv)) };
        const k = cache === undefined ? own.k : concat([cache.k, own.k], { axis: 2 });
        const v = cache === undefined ? own.v : concat([cache.v, own.v], { axis: 2 });
        const found = dotProductAttention(cut(mapped(x, Wq, bq)), k, v, looks);
        const side = reshape(permute(found.outputs, [0, 2, 1, 3]), x.shape);
        return { outputs: mapped(side, Wo, bo), weights: found.weights, cache: { k, v } };
      });
    },
  };
}

/** x·W + b, with a bias or without. */
function mapped(x: Tensor, W: Tensor, b: Tensor | undefined): Tensor {
  const y = matmul(x, W);
  return b === undefined ? y : y.add(b);
}

/** Parameters of {@link additiveAttention} and of {@link luongAttention} with "concat". */
export interface AdditiveParameters {
  /** Weights of queries [Q, A]. */
  readonly Wq: Tensor;
  /** Weights of keys [K, A]. */
  readonly Wk: Tensor;
  /** [A, 1] */
  readonly v: Tensor;
}

/** Options of attention layers with scores of their own. */
export interface ScoreLayerOptions {
  /** A, the size inside of additive scores. Default: the queries' size. */
  readonly attentionSize?: number;
  /** Element type of the parameters. Default: float32. */
  readonly dtype?: FloatType;
}

/** An attention layer: queries over a memory. */
export interface AttentionLayer<P> {
  /** First parameters from a key. */
  init(key: Tensor): P;
  /**
   * Outputs [..., Q, E] and weights [..., Q, S] of queries [..., Q, D] over a memory [..., S, E]; of one query for each,
   * [..., D], outputs [..., E] and weights [..., S].
   */
  apply(parameters: P, queries: Tensor, memory: Tensor, options?: AttentionOptions): Attended;
}

/** Attention by scores of queries [..., Q, D] and a memory [..., S, E]. */
function scoring<P>(
  op: string,
  init: (key: Tensor) => P,
  scoresOf: (parameters: P, queries: Tensor, memory: Tensor) => Tensor,
): AttentionLayer<P> {
  return {
    init: (key) => scope(() => init(key)),
    apply: (parameters, queries, memory, options = {}) => {
      checkOptions(op, options, ["mask", "causal"]);
      const isSingle = queries.rank === memory.rank - 1;
      const all = isSingle ? expandDims(queries, -2) : queries;
      return within(op, () => {
        const scores = probe("scores", scoresOf(parameters, all, memory));
        const { mask } = options;
        const own =
          mask !== undefined && isSingle ? { ...options, mask: expandDims(mask, -2) } : options;
        const weights = weightsOf(op, scores, own);
        const outputs = matmul(weights, memory);
        if (!isSingle) return { outputs, weights };
        return { outputs: squeeze(outputs, { axes: -2 }), weights: squeeze(weights, { axes: -2 }) };
      });
    },
  };
}

/**
 * Bahdanau's additive attention: scores tanh(q·Wq + m·Wk)·v over the rows m of a memory.
 *
 * Shapes: queries [..., Q, D], memory [..., S, E] → outputs [..., Q, E], weights [..., Q, S]; one query for each memory,
 * [..., D], gives [..., E] and [..., S]. Parameters: DA + EA + A. First values: Glorot uniform.
 *
 * Source: Bahdanau, Cho and Bengio 2015, arXiv:1409.0473, section A.1.2.
 *
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 *
 * @example
 * ```ts
 * import { additiveAttention, key, normal } from "tapeloop";
 *
 * const layer = additiveAttention(4, 6);
 * const [query, memory] = [normal([2, 4], { key: key(1) }), normal([2, 7, 6], { key: key(2) })];
 * const { outputs, weights } = layer.apply(layer.init(key(0)), query, memory);
 * console.log(outputs.shape, weights.shape); // [ 2, 6 ] [ 2, 7 ]
 * ```
 */
export function additiveAttention(
  querySize: number,
  memorySize: number,
  options: ScoreLayerOptions = {},
): AttentionLayer<AdditiveParameters> {
  return additive("additiveAttention", querySize, memorySize, options);
}

function additive(
  op: string,
  querySize: number,
  memorySize: number,
  options: ScoreLayerOptions,
): AttentionLayer<AdditiveParameters> {
  checkOptions(op, options, ["attentionSize", "dtype"]);
  const { attentionSize = querySize, dtype = "float32" } = options;
  checkSizes(op, { querySize, memorySize, attentionSize });
  return scoring(
    op,
    (key) => {
      const [forQ, forK, forV] = splitKey(key, 3);
      return {
        Wq: glorotUniform(forQ, [querySize, attentionSize], { dtype }),
        Wk: glorotUniform(forK, [memorySize, attentionSize], { dtype }),
        v: glorotUniform(forV, [attentionSize, 1], { dtype }),
      };
    },
    ({ Wq, Wk, v }, queries, memory) => {
      checkLastAxis(op, "the queries", queries, querySize);
      checkLastAxis(op, "the memory", memory, memorySize);
      const sums = expandDims(matmul(queries, Wq), -2).add(expandDims(matmul(memory, Wk), -3));
      return squeeze(matmul(tanh(sums), v), { axes: -1 });
    },
  );
}

/** Parameters of {@link luongAttention}. */
export interface LuongParameters {
  /** "general": [D, E]. */
  readonly W?: Tensor;
  /** "concat": as {@link AdditiveParameters}. */
  readonly additive?: AdditiveParameters;
}

/** Options of {@link luongAttention}. */
export interface LuongOptions extends ScoreLayerOptions {
  /** Scores q·m, q·W·m, or tanh([q, m]·W)·v. Default: "general". */
  readonly score?: "dot" | "general" | "concat";
}

/**
 * Luong's multiplicative attention: scores q·m ("dot"), q·W·m ("general") or tanh([q, m]·W)·v ("concat") over the rows
 * m of a memory.
 *
 * Shapes: as {@link additiveAttention}. Parameters: none, DE, or DA + EA + A. First values: Glorot uniform.
 *
 * Source: Luong, Pham and Manning 2015, arXiv:1508.04025, eq. 8, without local attention.
 *
 * @throws ArgumentError for another score, if sizes do not fit it, or an option is unknown.
 *
 * @example
 * ```ts
 * import { key, luongAttention, tensor } from "tapeloop";
 *
 * const layer = luongAttention(2, 2, { score: "dot" });
 * const memory = tensor([[1, 0], [0, 1]]);
 * const { weights } = layer.apply(layer.init(key(0)), tensor([500, 0]), memory);
 * console.log(weights.toArray()); // [ 1, 0 ]
 * ```
 */
export function luongAttention(
  querySize: number,
  memorySize: number,
  options: LuongOptions = {},
): AttentionLayer<LuongParameters> {
  const op = "luongAttention";
  checkOptions(op, options, ["score", "attentionSize", "dtype"]);
  const { score = "general", ...others } = options;
  checkSizes(op, { querySize, memorySize });
  if (score === "dot" && querySize !== memorySize) {
    const rule = '"dot" needs queries and rows of one size';
    throw new ArgumentError(op, rule, `${querySize} and ${memorySize}`, 'Use "general".');
  }
  if (score !== "dot" && score !== "general" && score !== "concat") {
    throw new ArgumentError(op, "score is dot, general or concat", String(score));
  }
  const { dtype = "float32" } = options;
  if (score === "concat") {
    const layer = additive(op, querySize, memorySize, others);
    return {
      init: (key) => ({ additive: layer.init(key) }),
      apply: (parameters, queries, memory, looks) =>
        layer.apply(parameters.additive as AdditiveParameters, queries, memory, looks),
    };
  }
  return scoring(
    op,
    (key) => (score === "dot" ? {} : { W: glorotUniform(key, [querySize, memorySize], { dtype }) }),
    ({ W }: LuongParameters, queries, memory) => {
      checkLastAxis(op, "the queries", queries, querySize);
      checkLastAxis(op, "the memory", memory, memorySize);
      return matmul(W === undefined ? queries : matmul(queries, W), swapAxes(memory, -1, -2));
    },
  );
}
