/**
 * @file The daily ops as methods. Only tensor.ts imports this file: the class below must be made before
 * the one that extends it, whichever module of the circle of ops and tensors is loaded first.
 */
import type { DType } from "./dtype.ts";
import { clip, logSoftmax, relu, softmax } from "./ops/activations.ts";
import { matmul } from "./ops/linear.ts";
import { mean, min, std, variance, type VarianceOptions } from "./ops/statistics.ts";
import { add, div, maximum, minimum, mul, pow, sub } from "./primitives/binary.ts";
import { cast, equal, greater, less } from "./primitives/choice.ts";
import {
  broadcastTo,
  expandDims,
  permute,
  reshape,
  squeeze,
  transpose,
} from "./primitives/movement.ts";
import { slice, type SliceRange } from "./primitives/slicing.ts";
import { argmax, type AxesOptions, type AxisOptions, max, sum } from "./primitives/reduce.ts";
import { abs, exp, log, neg, sigmoid, sqrt, square, tanh } from "./primitives/unary.ts";
import { toTensor } from "./operands.ts";
import type { Shape } from "./shape.ts";
import type {
  AnyShape,
  Broadcast,
  Fits,
  IfKnown,
  MatmulShape,
  Operand,
  ShapeOr,
  Writable,
} from "./shape-types.ts";
import type {
  AxesFit,
  Given,
  NoOptions,
  Permuted,
  Reduced,
  Reversed,
  SameSize,
} from "./shape-changes.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** The daily ops as methods, for everything that ops take. */
export abstract class Fluent<S extends Shape = AnyShape> {
  /** {@link add} */
  add(y: Operand<NoInfer<S>> | number): Tensor<S>;
  add<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<B>]>,
  ): Tensor<S>;
  add<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<A>, 1]>,
  ): Tensor<S>;
  add<A extends number, B extends number, C extends number>(
    this: Operand<[A, B, C]>,
    y: Operand<[NoInfer<C>]>,
  ): Tensor<S>;
  add<B extends Shape>(y: Operand<B> & Fits<Broadcast<S, B>>): Tensor<ShapeOr<Broadcast<S, B>>>;
  add(this: TensorLike, y: TensorLike): Tensor {
    return add(this, y);
  }
  /** {@link sub} */
  sub(y: Operand<NoInfer<S>> | number): Tensor<S>;
  sub<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<B>]>,
  ): Tensor<S>;
  sub<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<A>, 1]>,
  ): Tensor<S>;
  sub<A extends number, B extends number, C extends number>(
    this: Operand<[A, B, C]>,
    y: Operand<[NoInfer<C>]>,
  ): Tensor<S>;
  sub<B extends Shape>(y: Operand<B> & Fits<Broadcast<S, B>>): Tensor<ShapeOr<Broadcast<S, B>>>;
  sub(this: TensorLike, y: TensorLike): Tensor {
    return sub(this, y);
  }
  /** {@link mul} */
  mul(y: Operand<NoInfer<S>> | number): Tensor<S>;
  mul<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<B>]>,
  ): Tensor<S>;
  mul<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<A>, 1]>,
  ): Tensor<S>;
  mul<A extends number, B extends number, C extends number>(
    this: Operand<[A, B, C]>,
    y: Operand<[NoInfer<C>]>,
  ): Tensor<S>;
  mul<B extends Shape>(y: Operand<B> & Fits<Broadcast<S, B>>): Tensor<ShapeOr<Broadcast<S, B>>>;
  mul(this: TensorLike, y: TensorLike): Tensor {
    return mul(this, y);
  }
  /** {@link div} */
  div(y: Operand<NoInfer<S>> | number): Tensor<S>;
  div<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<B>]>,
  ): Tensor<S>;
  div<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<A>, 1]>,
  ): Tensor<S>;
  div<A extends number, B extends number, C extends number>(
    this: Operand<[A, B, C]>,
    y: Operand<[NoInfer<C>]>,
  ): Tensor<S>;
  div<B extends Shape>(y: Operand<B> & Fits<Broadcast<S, B>>): Tensor<ShapeOr<Broadcast<S, B>>>;
  div(this: TensorLike, y: TensorLike): Tensor {
    return div(this, y);
  }
  /** {@link pow} */
  pow(y: Operand<NoInfer<S>> | number): Tensor<S>;
  pow<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<B>]>,
  ): Tensor<S>;
  pow<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<A>, 1]>,
  ): Tensor<S>;
  pow<A extends number, B extends number, C extends number>(
    this: Operand<[A, B, C]>,
    y: Operand<[NoInfer<C>]>,
  ): Tensor<S>;
  pow<B extends Shape>(y: Operand<B> & Fits<Broadcast<S, B>>): Tensor<ShapeOr<Broadcast<S, B>>>;
  pow(this: TensorLike, y: TensorLike): Tensor {
    return pow(this, y);
  }
  /** {@link maximum} */
  maximum(y: Operand<NoInfer<S>> | number): Tensor<S>;
  maximum<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<B>]>,
  ): Tensor<S>;
  maximum<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<A>, 1]>,
  ): Tensor<S>;
  maximum<A extends number, B extends number, C extends number>(
    this: Operand<[A, B, C]>,
    y: Operand<[NoInfer<C>]>,
  ): Tensor<S>;
  maximum<B extends Shape>(y: Operand<B> & Fits<Broadcast<S, B>>): Tensor<ShapeOr<Broadcast<S, B>>>;
  maximum(this: TensorLike, y: TensorLike): Tensor {
    return maximum(this, y);
  }
  /** {@link minimum} */
  minimum(y: Operand<NoInfer<S>> | number): Tensor<S>;
  minimum<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<B>]>,
  ): Tensor<S>;
  minimum<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<A>, 1]>,
  ): Tensor<S>;
  minimum<A extends number, B extends number, C extends number>(
    this: Operand<[A, B, C]>,
    y: Operand<[NoInfer<C>]>,
  ): Tensor<S>;
  minimum<B extends Shape>(y: Operand<B> & Fits<Broadcast<S, B>>): Tensor<ShapeOr<Broadcast<S, B>>>;
  minimum(this: TensorLike, y: TensorLike): Tensor {
    return minimum(this, y);
  }
  /** {@link equal} */
  equal(y: Operand<NoInfer<S>> | number): Tensor<S>;
  equal<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<B>]>,
  ): Tensor<S>;
  equal<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<A>, 1]>,
  ): Tensor<S>;
  equal<A extends number, B extends number, C extends number>(
    this: Operand<[A, B, C]>,
    y: Operand<[NoInfer<C>]>,
  ): Tensor<S>;
  equal<B extends Shape>(y: Operand<B> & Fits<Broadcast<S, B>>): Tensor<ShapeOr<Broadcast<S, B>>>;
  equal(this: TensorLike, y: TensorLike): Tensor {
    return equal(this, y);
  }
  /** {@link less} */
  less(y: Operand<NoInfer<S>> | number): Tensor<S>;
  less<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<B>]>,
  ): Tensor<S>;
  less<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<A>, 1]>,
  ): Tensor<S>;
  less<A extends number, B extends number, C extends number>(
    this: Operand<[A, B, C]>,
    y: Operand<[NoInfer<C>]>,
  ): Tensor<S>;
  less<B extends Shape>(y: Operand<B> & Fits<Broadcast<S, B>>): Tensor<ShapeOr<Broadcast<S, B>>>;
  less(this: TensorLike, y: TensorLike): Tensor {
    return less(this, y);
  }
  /** {@link greater} */
  greater(y: Operand<NoInfer<S>> | number): Tensor<S>;
  greater<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<B>]>,
  ): Tensor<S>;
  greater<A extends number, B extends number>(
    this: Operand<[A, B]>,
    y: Operand<[NoInfer<A>, 1]>,
  ): Tensor<S>;
  greater<A extends number, B extends number, C extends number>(
    this: Operand<[A, B, C]>,
    y: Operand<[NoInfer<C>]>,
  ): Tensor<S>;
  greater<B extends Shape>(y: Operand<B> & Fits<Broadcast<S, B>>): Tensor<ShapeOr<Broadcast<S, B>>>;
  greater(this: TensorLike, y: TensorLike): Tensor {
    return greater(this, y);
  }
  /** {@link neg} */
  neg(this: Operand<S>): Tensor<S> {
    return neg(this);
  }
  /** {@link abs} */
  abs(this: Operand<S>): Tensor<S> {
    return abs(this);
  }
  /** {@link exp} */
  exp(this: Operand<S>): Tensor<S> {
    return exp(this);
  }
  /** {@link log} */
  log(this: Operand<S>): Tensor<S> {
    return log(this);
  }
  /** {@link sqrt} */
  sqrt(this: Operand<S>): Tensor<S> {
    return sqrt(this);
  }
  /** {@link square} */
  square(this: Operand<S>): Tensor<S> {
    return square(this);
  }
  /** {@link tanh} */
  tanh(this: Operand<S>): Tensor<S> {
    return tanh(this);
  }
  /** {@link sigmoid} */
  sigmoid(this: Operand<S>): Tensor<S> {
    return sigmoid(this);
  }
  /** {@link clip} */
  clip(this: Operand<S>, low: number, high: number): Tensor<S> {
    return clip(this, low, high);
  }
  /** {@link relu} */
  relu(this: Operand<S>): Tensor<S> {
    return relu(this);
  }
  /** {@link softmax} */
  softmax(this: Operand<S>, options?: AxisOptions): Tensor<S> {
    return softmax(this, options);
  }
  /** {@link logSoftmax} */
  logSoftmax(this: Operand<S>, options?: AxisOptions): Tensor<S> {
    return logSoftmax(this, options);
  }
  /** {@link sum} */
  sum<const O extends AxesOptions = NoOptions>(
    this: Operand<S>,
    options?: O & AxesFit<S, O>,
  ): Tensor<Reduced<S, O>> {
    return sum<S, O>(this, options);
  }
  /** {@link mean} */
  mean<const O extends AxesOptions = NoOptions>(
    this: Operand<S>,
    options?: O & AxesFit<S, O>,
  ): Tensor<Reduced<S, O>> {
    return mean<S, O>(this, options);
  }
  /** {@link max} */
  max<const O extends AxesOptions = NoOptions>(
    this: Operand<S>,
    options?: O & AxesFit<S, O>,
  ): Tensor<Reduced<S, O>> {
    return max<S, O>(this, options);
  }
  /** {@link min} */
  min<const O extends AxesOptions = NoOptions>(
    this: Operand<S>,
    options?: O & AxesFit<S, O>,
  ): Tensor<Reduced<S, O>> {
    return min<S, O>(this, options);
  }
  /** {@link variance} */
  variance<const O extends VarianceOptions = NoOptions>(
    this: Operand<S>,
    options?: O & AxesFit<S, O>,
  ): Tensor<Reduced<S, O>> {
    return variance<S, O>(this, options);
  }
  /** {@link std} */
  std<const O extends VarianceOptions = NoOptions>(
    this: Operand<S>,
    options?: O & AxesFit<S, O>,
  ): Tensor<Reduced<S, O>> {
    return std<S, O>(this, options);
  }
  /** {@link argmax} */
  argmax(this: TensorLike, options?: AxisOptions): Tensor {
    return argmax(this, options);
  }
  /** {@link matmul} */
  matmul<K extends number, N extends number, M extends number>(
    this: Operand<[M, K]>,
    y: Operand<[NoInfer<K>, N]>,
  ): Tensor<IfKnown<S, [M, N]>>;
  matmul<B extends Shape>(
    y: Operand<B> & Fits<MatmulShape<S, B>>,
  ): Tensor<ShapeOr<MatmulShape<S, B>>>;
  matmul(this: TensorLike, y: TensorLike): Tensor {
    return matmul(toTensor(this), toTensor(y));
  }
  /** {@link reshape} */
  reshape<const T extends Shape>(this: Operand<S>, shape: T & SameSize<S, T>): Tensor<Given<T>> {
    return reshape<S, T>(this, shape);
  }
  /** {@link permute} */
  permute<const A extends Shape>(
    this: Operand<S>,
    axes: A & Fits<Permuted<S, A>>,
  ): Tensor<ShapeOr<Permuted<S, A>>> {
    return permute<S, A>(this, axes);
  }
  /** {@link transpose} */
  transpose(this: Operand<S>): Tensor<Reversed<S>> {
    return transpose(this);
  }
  /** {@link broadcastTo} */
  broadcastTo<const T extends Shape>(this: Operand<S>, shape: T): Tensor<Writable<T>> {
    return broadcastTo(this, shape);
  }
  /** {@link squeeze} */
  squeeze(this: TensorLike, options?: AxesOptions): Tensor {
    return squeeze(this, options);
  }
  /** {@link expandDims} */
  expandDims(this: TensorLike, axis: number): Tensor {
    return expandDims(this, axis);
  }
  /** {@link slice} */
  slice(this: TensorLike, ranges: readonly (SliceRange | null)[]): Tensor {
    return slice(this, ranges);
  }
  /** {@link cast} */
  cast(this: Operand<S>, dtype: DType): Tensor<S> {
    return cast(this, dtype);
  }
}
