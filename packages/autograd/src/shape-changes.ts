/**
 * @file Shapes in types: how reductions, movement and loops change them. Types only.
 */
import type { AxesOptions } from "./primitives/reduce.ts";
import type {
  AnyShape,
  IsAny,
  IsKnown,
  IsWide,
  ShapeMismatch,
  Show,
  Writable,
} from "./shape-types.ts";
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

// ----- Reductions -----

/** A tuple of the given length. */
type TupleOf<N extends number, T extends unknown[] = []> = T["length"] extends N
  ? T
  : TupleOf<N, [...T, unknown]>;

/** An axis counted from the front; never if it does not exist. */
type FromFront<S extends Shape, A extends number> = `${A}` extends `-${infer K extends number}`
  ? S extends readonly [...infer Front, ...TupleOf<K>]
    ? Front["length"]
    : never
  : `${A}` extends keyof S
    ? A
    : never;

/** Axes that an option names, as a union of places counted from the front. */
type AxesOf<S extends Shape, O> = O extends { readonly axes: infer A }
  ? A extends number
    ? FromFront<S, A>
    : A extends readonly number[]
      ? { [K in keyof A]: A[K] extends number ? FromFront<S, A[K]> : never }[number]
      : never
  : keyof S & `${number}` extends `${infer I extends number}`
    ? I
    : never;

/** Whether the options say nothing that is not known to the compiler. */
type AreLiteral<O> = AxesOptions extends O
  ? [keyof O] extends [never]
    ? true
    : false
  : O extends { readonly axes: infer A }
    ? A extends number
      ? number extends A
        ? false
        : true
      : A extends readonly number[]
        ? number extends A["length"]
          ? false
          : number extends A[number]
            ? false
            : true
        : false
    : true;

type Kept<S extends Shape, I> = {
  -readonly [K in keyof S]: K extends `${infer N extends number}` ? (N extends I ? 1 : S[K]) : S[K];
};

type Dropped<S, I, Seen extends unknown[] = [], Done extends Shape = []> = S extends readonly [
  infer X extends number,
  ...infer Rest,
]
  ? Dropped<Rest, I, [...Seen, unknown], Seen["length"] extends I ? Done : [...Done, X]>
  : Done;

/** No options at all. */
export type NoOptions = object;

/** The shape that is left of `S` by a reduction with the options `O`. */
export type Reduced<S, O> =
  IsKnown<S> extends true
    ? AreLiteral<O> extends true
      ? S extends Shape
        ? O extends { readonly keepAxes: true }
          ? Kept<S, AxesOf<S, O>>
          : O extends { readonly keepAxes: boolean }
            ? AnyShape
            : Dropped<S, AxesOf<S, O>>
        : never
      : AnyShape
    : AnyShape;

/** Complains about axes that do not exist. */
export type AxesFit<S, O> =
  IsKnown<S> extends true
    ? O extends { readonly axes: infer A extends number }
      ? number extends A
        ? unknown
        : S extends Shape
          ? [FromFront<S, A>] extends [never]
            ? { readonly axes: ShapeMismatch<`there is no axis ${A} in ${S["length"]} axes`> }
            : unknown
          : unknown
      : unknown
    : unknown;

// ----- Movement -----

/** The shape with its axes in the order `A`. */
export type Permuted<S, A> =
  IsKnown<S> extends true
    ? IsKnown<A> extends true
      ? S extends Shape
        ? A extends Shape
          ? A["length"] extends S["length"]
            ? { -readonly [K in keyof A]: A[K] extends keyof S ? S[A[K]] : AnyShape }
            : ShapeMismatch<`${A["length"]} axes named for ${S["length"]}`>
          : never
        : never
      : AnyShape
    : AnyShape;

/** The shape with its axes in reverse order. */
export type Reversed<S> =
  IsKnown<S> extends true
    ? S extends readonly [infer X extends number, ...infer Rest]
      ? [...Reversed<Rest>, X]
      : []
    : AnyShape;

/** A shape given to `reshape`: −1 is worked out when it runs. */
export type Given<S> =
  IsKnown<S> extends true
    ? { -readonly [K in keyof S]: S[K] extends -1 ? number : S[K] }
    : AnyShape;

/** The sizes of `S` without one that equals `X`; null if there is none. */
type Without<S, X, Done extends unknown[] = []> = S extends readonly [infer First, ...infer Rest]
  ? [First, X] extends [X, First]
    ? [...Done, ...Rest]
    : Without<Rest, X, [...Done, First]>
  : null;

/** Both shapes without the sizes they share, and without 1. */
type Leftover<A, B, Done extends unknown[] = []> = A extends readonly [infer X, ...infer Rest]
  ? X extends 1
    ? Leftover<Rest, B, Done>
    : Without<B, X> extends infer W
      ? W extends null
        ? Leftover<Rest, B, [...Done, X]>
        : Leftover<Rest, W, Done>
      : never
  : [Done, B];

type WithoutOnes<S, Done extends unknown[] = []> = S extends readonly [infer X, ...infer Rest]
  ? WithoutOnes<Rest, X extends 1 ? Done : [...Done, X]>
  : Done;

/**
 * Complains where two shapes cannot have the same number of elements: equal sizes are crossed out, and
 * what is left is one known size against another, or against nothing.
 */
export type SameSize<A, B> =
  IsKnown<A> extends true
    ? IsKnown<B> extends true
      ? Leftover<A, WithoutOnes<B>> extends [infer X extends unknown[], infer Y extends unknown[]]
        ? [X["length"], Y["length"]] extends [1, 1] | [0, 1] | [1, 0]
          ? IsWide<[...X, ...Y][number]> extends true
            ? unknown
            : -1 extends [...X, ...Y][number]
              ? unknown
              : ShapeMismatch<`the number of elements changes: ${Show<X[0]>} against ${Show<Y[0]>}`>
          : unknown
        : unknown
      : unknown
    : unknown;

// ----- Joining -----

/** The sum of two sizes below 1000; beyond that it is only known when it runs. */
type Add<X extends number, Y extends number> =
  IsWide<X> extends true
    ? number
    : IsWide<Y> extends true
      ? number
      : `${X}${Y}` extends `${infer _A}${infer _B}${infer _C}${infer _D}${infer _E}${infer F}`
        ? F extends ""
          ? [...TupleOf<X>, ...TupleOf<Y>]["length"] & number
          : number
        : [...TupleOf<X>, ...TupleOf<Y>]["length"] & number;

/** Two shapes one behind the other along the axis `I`; all other sizes must agree. */
type JoinedAlong<A, B, I extends number, Done extends Shape = []> = A extends readonly [
  infer X extends number,
  ...infer RestA,
]
  ? B extends readonly [infer Y extends number, ...infer RestB]
    ? Done["length"] extends I
      ? JoinedAlong<RestA, RestB, I, [...Done, Add<X, Y>]>
      : [X, Y] extends [Y, X]
        ? JoinedAlong<RestA, RestB, I, [...Done, X]>
        : IsWide<X> extends true
          ? JoinedAlong<RestA, RestB, I, [...Done, Y]>
          : IsWide<Y> extends true
            ? JoinedAlong<RestA, RestB, I, [...Done, X]>
            : ShapeMismatch<`sizes ${Show<X>} and ${Show<Y>} differ beside the joined axis`>
    : ShapeMismatch<"tensors to join have different numbers of axes">
  : B extends readonly []
    ? Done
    : ShapeMismatch<"tensors to join have different numbers of axes">;

/** The axis that options name: the last one if they name none. */
type AxisOf<S extends Shape, O> = O extends { readonly axis: infer A extends number }
  ? number extends A
    ? never
    : FromFront<S, A>
  : FromFront<S, -1>;

/** The shape of operands one behind the other, or a {@link ShapeMismatch}. */
export type Joined<T, O> = T extends readonly [{ readonly shape: infer S }, ...infer Rest]
  ? JoinedRest<Writable<S>, Rest, O>
  : AnyShape;

type JoinedRest<S, Rest, O> =
  IsKnown<S> extends true
    ? Rest extends readonly [{ readonly shape: infer Next }, ...infer More]
      ? IsKnown<Next> extends true
        ? S extends Shape
          ? [AxisOf<S, O>] extends [never]
            ? AnyShape
            : JoinedAlong<S, Next, AxisOf<S, O>> extends infer J
              ? J extends Shape
                ? JoinedRest<J, More, O>
                : J
              : never
          : never
        : AnyShape
      : Rest extends readonly []
        ? S
        : AnyShape
    : AnyShape;

// ----- Loops -----

/** A tree of tensors without their first axis: the input of one step. */
export type Unstacked<X> =
  IsAny<X> extends true
    ? AnyShape
    : X extends Tensor<infer S>
      ? IsAny<S> extends true
        ? Tensor
        : S extends readonly [number, ...infer Rest extends Shape]
          ? Tensor<Rest>
          : Tensor
      : X extends object
        ? { readonly [K in keyof X]: Unstacked<X[K]> }
        : X;

/** The size of the first axis of a tree's tensors. */
export type FirstSize<X> =
  X extends Tensor<infer S>
    ? S extends readonly [infer T extends number, ...number[]]
      ? T
      : number
    : X extends object
      ? FirstSize<X[keyof X]>
      : number;

/** A tree of tensors with a new first axis: the outputs of all steps. */
export type Stacked<T extends number, Y> =
  IsAny<Y> extends true
    ? AnyShape
    : Y extends Tensor<infer S>
      ? IsKnown<S> extends true
        ? Tensor<[T, ...S]>
        : Tensor
      : Y extends object
        ? { readonly [K in keyof Y]: Stacked<T, Y[K]> }
        : Y;
