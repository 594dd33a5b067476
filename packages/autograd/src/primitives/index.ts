/**
 * @file The closed set of primitives. A new one is declared in its family's file and listed here;
 * the compiler then asks for its kernel in every backend and for its row of samples in the tests.
 */
import type { AnyPrimitive, ManyPrimitive, OnePrimitive } from "../primitive.ts";
import type { TensorType } from "../shape.ts";
import { Add, Atan2, Div, Maximum, Mul, Pow, Rem, Sub } from "./binary.ts";
import { Cast, Equal, Less, Where } from "./choice.ts";
import { DotGeneral } from "./contraction.ts";
import { Gather, ScatterAdd } from "./indexing.ts";
import { Fill, Iota, Random } from "./leaf.ts";
import { BroadcastTo, Permute, Reshape } from "./movement.ts";
import { Concat, Split } from "./joining.ts";
import { Pad, Slice } from "./slicing.ts";
import { Argsort, Cumsum } from "./order.ts";
import { Argmax, Max, Sum } from "./reduce.ts";
import { Cond } from "./cond.ts";
import { Scan } from "./scan.ts";
import { Alias } from "./structure.ts";
import { While } from "./while.ts";
import {
  Abs,
  Cos,
  Erf,
  Erfc,
  Erfinv,
  Exp,
  Expm1,
  Floor,
  Log,
  Log1p,
  Neg,
  Sigmoid,
  Sign,
  Sin,
  Sqrt,
  Tanh,
} from "./unary.ts";

/** Every primitive by its name. */
export interface PrimitiveSet {
  /** `fill` */
  readonly fill: typeof Fill;
  /** `iota` */
  readonly iota: typeof Iota;
  /** `random` */
  readonly random: typeof Random;
  /** `neg` */
  readonly neg: typeof Neg;
  /** `exp` */
  readonly exp: typeof Exp;
  /** `expm1` */
  readonly expm1: typeof Expm1;
  /** `sqrt` */
  readonly sqrt: typeof Sqrt;
  /** `tanh` */
  readonly tanh: typeof Tanh;
  /** `sigmoid` */
  readonly sigmoid: typeof Sigmoid;
  /** `log` */
  readonly log: typeof Log;
  /** `log1p` */
  readonly log1p: typeof Log1p;
  /** `sin` */
  readonly sin: typeof Sin;
  /** `cos` */
  readonly cos: typeof Cos;
  /** `erf` */
  readonly erf: typeof Erf;
  /** `erfc` */
  readonly erfc: typeof Erfc;
  /** `erfinv` */
  readonly erfinv: typeof Erfinv;
  /** `abs` */
  readonly abs: typeof Abs;
  /** `sign` */
  readonly sign: typeof Sign;
  /** `floor` */
  readonly floor: typeof Floor;
  /** `add` */
  readonly add: typeof Add;
  /** `sub` */
  readonly sub: typeof Sub;
  /** `mul` */
  readonly mul: typeof Mul;
  /** `div` */
  readonly div: typeof Div;
  /** `pow` */
  readonly pow: typeof Pow;
  /** `atan2` */
  readonly atan2: typeof Atan2;
  /** `rem` */
  readonly rem: typeof Rem;
  /** `maximum` */
  readonly maximum: typeof Maximum;
  /** `equal` */
  readonly equal: typeof Equal;
  /** `less` */
  readonly less: typeof Less;
  /** `where` */
  readonly where: typeof Where;
  /** `cast` */
  readonly cast: typeof Cast;
  /** `sum` */
  readonly sum: typeof Sum;
  /** `max` */
  readonly max: typeof Max;
  /** `argmax` */
  readonly argmax: typeof Argmax;
  /** `cumsum` */
  readonly cumsum: typeof Cumsum;
  /** `argsort` */
  readonly argsort: typeof Argsort;
  /** `dotGeneral` */
  readonly dotGeneral: typeof DotGeneral;
  /** `reshape` */
  readonly reshape: typeof Reshape;
  /** `permute` */
  readonly permute: typeof Permute;
  /** `broadcastTo` */
  readonly broadcastTo: typeof BroadcastTo;
  /** `slice` */
  readonly slice: typeof Slice;
  /** `pad` */
  readonly pad: typeof Pad;
  /** `concat` */
  readonly concat: typeof Concat;
  /** `split` */
  readonly split: typeof Split;
  /** `gather` */
  readonly gather: typeof Gather;
  /** `scatterAdd` */
  readonly scatterAdd: typeof ScatterAdd;
  /** `alias` */
  readonly alias: typeof Alias;
  /** `scan` */
  readonly scan: typeof Scan;
  /** `cond` */
  readonly cond: typeof Cond;
  /** `whileLoop` */
  readonly whileLoop: typeof While;
}

/** The name of a primitive. */
export type PrimitiveName = keyof PrimitiveSet;

/** The parameters of a primitive. */
export type ParamsOf<N extends PrimitiveName> =
  PrimitiveSet[N] extends OnePrimitive<string, infer P, infer _S>
    ? P
    : PrimitiveSet[N] extends ManyPrimitive<string, infer P, infer _S>
      ? P
      : never;

/** The type of a primitive's result: one, or a list. */
export type ResultOf<N extends PrimitiveName> =
  PrimitiveSet[N] extends ManyPrimitive<string, infer _P, infer _S>
    ? readonly TensorType[]
    : TensorType;

/** Every primitive, by family. */
export const primitives: PrimitiveSet & Readonly<Record<string, AnyPrimitive>> = {
  fill: Fill,
  iota: Iota,
  random: Random,

  neg: Neg,
  exp: Exp,
  expm1: Expm1,
  sqrt: Sqrt,
  tanh: Tanh,
  sigmoid: Sigmoid,
  log: Log,
  log1p: Log1p,
  sin: Sin,
  cos: Cos,
  erf: Erf,
  erfc: Erfc,
  erfinv: Erfinv,
  abs: Abs,
  sign: Sign,
  floor: Floor,

  add: Add,
  sub: Sub,
  mul: Mul,
  div: Div,
  pow: Pow,
  atan2: Atan2,
  rem: Rem,
  maximum: Maximum,

  equal: Equal,
  less: Less,
  where: Where,
  cast: Cast,

  sum: Sum,
  max: Max,
  argmax: Argmax,

  cumsum: Cumsum,
  argsort: Argsort,

  dotGeneral: DotGeneral,

  reshape: Reshape,
  permute: Permute,
  broadcastTo: BroadcastTo,
  slice: Slice,
  pad: Pad,
  concat: Concat,
  split: Split,

  gather: Gather,
  scatterAdd: ScatterAdd,

  alias: Alias,
  scan: Scan,
  cond: Cond,
  whileLoop: While,
};
