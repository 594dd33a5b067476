/**
 * @file Shapes in types: what the compiler knows of sizes, and how ops change them. Types only.
 *
 * `Tensor<[32, 64]>` knows its sizes, `Tensor<[Dim<"B">, 64]>` one of them by name, `Tensor` nothing.
 * What is not known is never wrong: a plain `number` fits every size, and a plain `Tensor` every tensor.
 */
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** The shape of tensors whose type says nothing about it: it fits every other, and ops keep it so. */
// oxlint-disable-next-line typescript/no-explicit-any -- only any is assignable in both directions
export type AnyShape = any;

/** Carries the name of a {@link Dim}; it exists in types only. */
declare const dimName: unique symbol;

/**
 * A size that is known by name: tensors fit together where the names agree. Make one with {@link dim}.
 *
 * @typeParam N - The name.
 */
export type Dim<N extends string> = number & { readonly [dimName]: N };

/** What a tensor of the wrong shape would have to be: the message names the sizes. */
export interface ShapeMismatch<Message extends string> {
  /** What does not fit. */
  readonly shapeMismatch: Message;
}

/** Operands with a shape in their type: a tensor, or a parameter. */
export type Operand<S extends Shape> = Tensor<S> | { readonly value: Tensor<S> };

// ----- What is known -----

export type IsAny<T> = 0 extends 1 & T ? true : false;
export type IsWide<X> = X extends { readonly [dimName]: string }
  ? false
  : number extends X
    ? true
    : false;

/** Whether the number of axes is known. */
export type IsKnown<S> =
  IsAny<S> extends true
    ? false
    : S extends Shape
      ? number extends S["length"]
        ? false
        : true
      : false;

/** A size in the words of a message. */
export type Show<X> = X extends { readonly [dimName]: infer N extends string }
  ? N
  : X extends number
    ? `${X}`
    : "?";

/**
 * Sizes as tensors compare them: where a size is not known, any will do. In a place that is read and
 * written, so that 5 | 6 is not taken for a size when 5 and 6 meet.
 */
export type Sizes<S> = {
  -readonly [K in keyof S]: IsWide<S[K]> extends true ? AnyShape : S[K];
};

/** A tensor's `shape` property: the sizes as far as they are known. */
export type ShapeOf<S> = IsAny<S> extends true ? Shape : Readonly<S>;

/** A shape without `readonly`, as it is shown. */
export type Writable<S> = { -readonly [K in keyof S]: S[K] };

/** Asks for a mismatch where there is one, and for nothing else where not. */
export type Fits<R> = R extends ShapeMismatch<infer Message> ? ShapeMismatch<Message> : unknown;

/** A shape, or one of which nothing is known. */
export type ShapeOr<R> = R extends Shape ? R : AnyShape;

/** As many tensors as the count says, where it is known; else a list of them. */
export type Several<N, T extends Tensor[] = []> = N extends number
  ? number extends N
    ? readonly Tensor[]
    : T["length"] extends N
      ? Readonly<T>
      : T["length"] extends 32
        ? readonly Tensor[]
        : Several<N, [...T, Tensor]>
  : N extends readonly unknown[]
    ? { readonly [K in keyof N]: Tensor }
    : never;

// ----- Broadcasting -----

/** Two sizes as one. Equality comes first: type parameters are equal to themselves only. */
type JoinSizes<X, Y> = [X, Y] extends [Y, X]
  ? X
  : X extends 1
    ? Y
    : Y extends 1
      ? X
      : IsWide<X> extends true
        ? Y
        : IsWide<Y> extends true
          ? X
          : ShapeMismatch<`sizes ${Show<X>} and ${Show<Y>} do not broadcast`>;

type JoinShapes<A, B, Done extends Shape = []> = A extends readonly [...infer RestA, infer X]
  ? B extends readonly [...infer RestB, infer Y]
    ? JoinSizes<X, Y> extends infer J
      ? J extends number
        ? JoinShapes<RestA, RestB, [J, ...Done]>
        : J
      : never
    : A extends Shape
      ? [...A, ...Done]
      : never
  : B extends Shape
    ? [...B, ...Done]
    : never;

/** The shape that two shapes broadcast to, or a {@link ShapeMismatch}. */
export type Broadcast<A, B> =
  IsKnown<A> extends true ? (IsKnown<B> extends true ? JoinShapes<A, B> : AnyShape) : AnyShape;

/**
 * An op on two operands, element by element, with broadcasting. The first signatures serve generic
 * code, where sizes are type parameters; the last one serves known sizes, and has the message.
 */
export interface BinaryOp {
  <S extends Shape = AnyShape>(x: number, y: Operand<S> | number): Tensor<S>;
  <S extends Shape = AnyShape>(x: Operand<S> | number, y: Operand<NoInfer<S>> | number): Tensor<S>;
  <A extends number, B extends number>(
    x: Operand<[A, B]>,
    y: Operand<[NoInfer<B>]>,
  ): Tensor<[A, B]>;
  <A extends number, B extends number>(
    x: Operand<[A, B]>,
    y: Operand<[NoInfer<A>, 1]>,
  ): Tensor<[A, B]>;
  <A extends number, B extends number, C extends number>(
    x: Operand<[A, B, C]>,
    y: Operand<[NoInfer<C>]>,
  ): Tensor<[A, B, C]>;
  <A extends Shape, B extends Shape>(
    x: Operand<A> | number,
    y: (Operand<B> | number) & Fits<Broadcast<A, B>>,
  ): Tensor<ShapeOr<Broadcast<A, B>>>;
}

// ----- Products -----

type InnerSizes<K, L, R> = [K, L] extends [L, K]
  ? R
  : IsWide<K> extends true
    ? R
    : IsWide<L> extends true
      ? R
      : ShapeMismatch<`inner sizes ${Show<K>} and ${Show<L>} differ`>;

type NoAxis = ShapeMismatch<"operands of a product need at least one axis">;

type Product<A, B> = A extends readonly [infer K]
  ? B extends readonly [infer L]
    ? InnerSizes<K, L, []>
    : B extends readonly [...infer P, infer L, infer N]
      ? InnerSizes<K, L, [...P, N]>
      : NoAxis
  : A extends readonly [...infer P, infer M, infer K]
    ? B extends readonly [infer L]
      ? InnerSizes<K, L, [...P, M]>
      : B extends readonly [infer L, infer N]
        ? InnerSizes<K, L, [...P, M, N]>
        : B extends readonly [...infer Q, infer L, infer N]
          ? JoinShapes<P, Q> extends infer J
            ? J extends Shape
              ? InnerSizes<K, L, [...J, M, N]>
              : J
            : never
          : NoAxis
    : NoAxis;

/** The shape of a matrix product, or a {@link ShapeMismatch}. */
export type MatmulShape<A, B> =
  IsKnown<A> extends true ? (IsKnown<B> extends true ? Product<A, B> : AnyShape) : AnyShape;

/** Lets only operands through of which nothing is known. */
type Unknown<S> = IsAny<S> extends true ? unknown : never;

/** `R`, unless nothing is known of `S`. */
export type IfKnown<S, R> = IsAny<S> extends true ? AnyShape : R;

/** The matrix product. The signatures in the middle serve generic code, the last one known sizes. */
export interface MatmulOp {
  <A extends Shape = AnyShape>(x: Operand<A> & Unknown<A>, y: Operand<AnyShape>): Tensor;
  <M extends number, K extends number, N extends number>(
    x: Operand<[M, K]>,
    y: Operand<[NoInfer<K>, N]>,
  ): Tensor<[M, N]>;
  <T extends number, M extends number, K extends number, N extends number>(
    x: Operand<[T, M, K]>,
    y: Operand<[NoInfer<K>, N]>,
  ): Tensor<[T, M, N]>;
  <M extends number, K extends number>(x: Operand<[M, K]>, y: Operand<[NoInfer<K>]>): Tensor<[M]>;
  <A extends Shape, B extends Shape>(
    x: Operand<A>,
    y: Operand<B> & Fits<MatmulShape<A, B>>,
  ): Tensor<ShapeOr<MatmulShape<A, B>>>;
}
