/**
 * A tape-based automatic differentiation core: tensors, primitives, derivatives of any order, memory that
 * needs no care. It stands on nothing; a backend such as `@tapeloop/backend-ndarray` computes.
 *
 * @packageDocumentation
 */

// Tensors
export { Fluent, type HasValue, Tensor, type TensorLike } from "./tensor.ts";
export { Parameter, parameter } from "./parameter.ts";
export {
  arange,
  type DTypeOptions,
  eye,
  full,
  fullLike,
  type NestedArray,
  oneHot,
  ones,
  tensor,
  type TensorOptions,
  to,
  zeros,
  zerosLike,
} from "./ops/create.ts";
export {
  linspace,
  type LinspaceOptions,
  logspace,
  type LogspaceOptions,
  meshgrid,
  type MeshgridOptions,
  onesLike,
} from "./ops/ranges.ts";
export type { DType, TypedArray } from "./dtype.ts";
export type { Shape, TensorType } from "./shape.ts";
export { dim } from "./ops/create.ts";
export type {
  AnyShape,
  BinaryOp,
  Broadcast,
  Dim,
  Fits,
  IfKnown,
  MatmulOp,
  MatmulShape,
  Operand,
  Several,
  ShapeMismatch,
  ShapeOf,
  ShapeOr,
  Sizes,
  Writable,
} from "./shape-types.ts";
export type {
  AxesFit,
  FirstSize,
  Given,
  Joined,
  NoOptions,
  Permuted,
  Reduced,
  Reversed,
  SameSize,
  Stacked,
  Unstacked,
} from "./shape-changes.ts";

// Element by element
export {
  abs,
  cos,
  erf,
  erfc,
  erfinv,
  exp,
  expm1,
  floor,
  log,
  log1p,
  neg,
  sigmoid,
  sign,
  sin,
  sqrt,
  square,
  tanh,
} from "./primitives/unary.ts";
export { add, atan2, div, maximum, minimum, mul, pow, rem, sub } from "./primitives/binary.ts";
export {
  cast,
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  notEqual,
  where,
} from "./primitives/choice.ts";
export {
  copySign,
  cube,
  exp2,
  hypot,
  lerp,
  log10,
  log2,
  logAddExp,
  logit,
  reciprocal,
  rsqrt,
  xlogy,
} from "./ops/powers.ts";
export {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  cosh,
  degrees,
  radians,
  sinc,
  sinh,
  tan,
} from "./ops/trigonometry.ts";
export { ceil, floorDivide, frac, mod, round, trunc } from "./ops/rounding.ts";
export {
  all,
  allClose,
  any,
  type CloseOptions,
  countNonzero,
  isClose,
  isFinite,
  isInf,
  isNaN,
  logicalXor,
  maskedFill,
  nanToNum,
  type NanToNumOptions,
} from "./ops/masks.ts";
export { clip, logSigmoid, logSoftmax, relu, softmax, softplus } from "./ops/activations.ts";
export {
  celu,
  elu,
  hardShrink,
  hardSigmoid,
  hardSwish,
  hardTanh,
  heaviside,
  leakyRelu,
  prelu,
  relu6,
  selu,
  softShrink,
  threshold,
} from "./ops/rectifiers.ts";
export {
  gelu,
  type GeluOptions,
  glu,
  mish,
  silu,
  softmin,
  softsign,
  tanhShrink,
} from "./ops/gates.ts";

// Along axes
export { argmax, type AxesOptions, type AxisOptions, max, sum } from "./primitives/reduce.ts";
export { logSumExp, mean, min, std, variance, type VarianceOptions } from "./ops/statistics.ts";
export { argsort, cumsum, type RunningOptions, type SortOptions } from "./primitives/order.ts";
export {
  argmin,
  median,
  quantile,
  sort,
  type TopK,
  topK,
  type TopKOptions,
} from "./ops/sorting.ts";
export {
  cummax,
  cummin,
  cumprod,
  diff,
  type DiffOptions,
  logCumSumExp,
  prod,
} from "./ops/cumulative.ts";
export {
  cosineSimilarity,
  cov,
  type CovOptions,
  norm,
  normalize,
  type NormOptions,
  pairwiseDistances,
  type VectorOptions,
} from "./ops/norms.ts";

// Products
export { type DotAxes, dotGeneral } from "./primitives/contraction.ts";
export { dot, matmul, outer } from "./ops/linear.ts";
export { einsum, tensordot } from "./ops/einsum.ts";
export {
  cross,
  diag,
  diagonal,
  type DiagonalOptions,
  kron,
  matrixPower,
  matrixTrace,
  type OffsetOptions,
  tri,
  tril,
  triu,
} from "./ops/matrices.ts";

// Windows
export {
  conv1d,
  conv2d,
  type ConvOptions,
  convTranspose1d,
  convTranspose2d,
  type ConvTransposeOptions,
} from "./ops/convolution.ts";
export {
  type AveragePoolOptions,
  avgPool1d,
  avgPool2d,
  maxPool1d,
  maxPool2d,
  type PoolOptions,
} from "./ops/pooling.ts";
export type { Padding, PerAxis } from "./ops/spatial.ts";

// Movement
export {
  broadcastTo,
  expandDims,
  permute,
  reshape,
  squeeze,
  transpose,
} from "./primitives/movement.ts";
export { concat, split, stack, unstack } from "./primitives/joining.ts";
export { flip, pad, type PadOptions, slice, type SliceRange } from "./primitives/slicing.ts";
export { gather, scatterAdd, type ScatterOptions } from "./primitives/indexing.ts";
export {
  broadcastTensors,
  chunk,
  flatten,
  type FlattenOptions,
  moveAxis,
  repeat,
  roll,
  rot90,
  swapAxes,
  tile,
} from "./ops/rearrange.ts";
export { type PadMode, slidingWindows, type WindowOptions } from "./ops/windows.ts";
export {
  binCount,
  embeddingLookup,
  type EmbeddingLookupOptions,
  putAlongAxis,
  scatter,
  searchSorted,
  type SearchOptions,
  select,
  takeAlongAxis,
} from "./ops/indexing.ts";

// Derivatives
export { grad, type Loss, type ValueAndGrad, valueAndGrad } from "./grad.ts";
export {
  hessian,
  hvp,
  jacobian,
  type JacobianOptions,
  jvp,
  linearize,
  type Linearized,
  type Pullback,
  type Tangent,
  vjp,
} from "./transforms.ts";
export { vmap, type VmapOptions } from "./vmap.ts";
export { checkpoint, customJvp, customVjp, gradientHook, type PerInput } from "./custom.ts";
export { noGrad } from "./interpreters/record.ts";
export { stopGradient } from "./primitives/structure.ts";
export { detectAnomaly, within } from "./anomaly.ts";
export { type CheckOptions, checkGradients, type CheckReport } from "./check-gradients.ts";
export { TapeNode, type Origin, tapeOf } from "./tape.ts";

// Loops
export { associativeScan, type AssociativeScanOptions } from "./associative-scan.ts";
export { cond } from "./cond.ts";
export { whileLoop, type WhileOptions } from "./while-loop.ts";
export { type Cell, type SaveEvery, type SaveOption, scan, type ScanOptions } from "./scan.ts";

// Programs
export { compile, type DonateOptions, trace } from "./program/compile.ts";
export {
  type ChoiceExplanation,
  type ExplainOptions,
  type Explanation,
  explain,
  type LoopExplanation,
} from "./program/explain.ts";
export { formatProgram } from "./program/print.ts";
export type { Constant, Program, ProgramNode, Variable } from "./program/program.ts";
export { simplify } from "./program/simplify.ts";
export { verify } from "./program/verify.ts";

// Trees
export { leaves, mapTree, type NamedLeaf, namedLeaves, tensorsIn, type Tree } from "./tree.ts";

// Randomness
export {
  bernoulli,
  categorical,
  key,
  nextKey,
  normal,
  type RandomOptions,
  seed,
  splitKey,
  uniform,
} from "./random.ts";
export {
  exponential,
  gumbel,
  laplace,
  permutation,
  randomInts,
  shuffle,
  type ShuffleOptions,
  truncatedNormal,
} from "./distributions.ts";

// Memory
export { Held } from "./held.ts";
export { memory, type MemoryReport, Scope, scope, step, type Storage } from "./memory.ts";

// Backends
export { defaultBackend, setDefaultBackend } from "./default-backend.ts";

// Errors
export {
  ArgumentError,
  AxisError,
  BackendError,
  BackendUnavailableError,
  checkOptions,
  checkFiniteNumbers,
  DeviceLostError,
  DisposedError,
  DTypeError,
  type ErrorCode,
  GradientError,
  IndexError,
  InternalError,
  NumericError,
  ShapeError,
  TapeloopError,
  TracingError,
  TreeError,
} from "./errors.ts";
