/** @file Sums and greatest elements while they are made: in the lanes of vectors, for every type of elements. */
import type { DType } from "@tapeloop/autograd/backend";
import type { Body } from "./emitter.ts";
import type { MemoryOp, PlainOp, ValueType } from "./instructions.ts";

/** What many elements become. */
export type Reduction = "sum" | "max";

/** How elements of a type are folded, a vector of 16 bytes at a time. */
interface Fold {
  /** Puts on the stack what each of the accumulators begins with that a vector goes into. */
  readonly starts: readonly ((body: Body) => Body)[];
  /** Folds the vector on the stack into the accumulators. */
  readonly take: (body: Body, into: readonly number[]) => void;
  /** Puts all lanes of the accumulators, folded, on the stack. */
  readonly end: (body: Body, from: readonly number[]) => void;
  /** The type of such a total. */
  readonly total: ValueType;
  /** Reads an element; folds it into the total below it on the stack; makes an element of that; stores it. */
  readonly load: MemoryOp;
  readonly takeOne: (body: Body) => void;
  readonly round: (body: Body) => void;
  readonly store: MemoryOp;
  /** Stores accumulators as neighbours: the totals of columns. */
  readonly storeAll: (body: Body, from: readonly number[], out: number) => void;
}

/** How many lanes there are in a vector. */
const counts = { f32x4: 4, f64x2: 2, i32x4: 4 } as const;

/** Accumulators that hold elements of the type itself. */
function plainFold(
  total: "f32" | "f64" | "i32",
  vector: keyof typeof counts,
  name: "add" | "max" | "max_s",
  start: (body: Body) => Body,
): Fold {
  const foldVectors = `${vector}.${name}` as PlainOp;
  const foldOne = (body: Body): void => {
    if (name !== "max_s") body.op(`${total}.${name}` as PlainOp);
    else {
      const [x, y] = [body.local("i32"), body.local("i32")];
      body.set(y).set(x);
      body.get(x).get(y).get(x).get(y).op("i32.gt_s", "select");
    }
  };
  return {
    starts: [start],
    take: (body, [into]) => void body.get(into).op(foldVectors).set(into),
    end: (body, [from]) => {
      for (let lane = 0; lane < counts[vector]; lane++) {
        body.get(from).lane(`${vector}.extract_lane`, lane);
        if (lane > 0) foldOne(body);
      }
    },
    total,
    load: `${total}.load`,
    takeOne: foldOne,
    round: () => undefined,
    store: `${total}.store`,
    storeAll: (body, [from], out) => void body.get(out).get(from).at("v128.store"),
  };
}

/**
 * The greatest of real numbers, which is NaN if one of them is, and 0 rather than −0. The instruction that has all
 * of this takes ten others, each of which waits for the one before; so the greatest that are no NaN, the signs that
 * all have in common, and whether there was no NaN are found apart.
 */
function greatestFold(total: "f32" | "f64", vector: "f32x4" | "f64x2"): Fold {
  const splat = (body: Body, value: number): Body =>
    (vector === "f32x4" ? body.f32(value) : body.f64(value)).op(`${vector}.splat`);
  const plainly = plainFold(total, vector, "max", (body) => splat(body, -Infinity));
  const join = (body: Body, [greatest, signs, ordered]: readonly number[]): void => {
    splat(body.get(greatest), 0).op(`${vector}.add`);
    splat(body.get(signs), -0).op("v128.and", "v128.or");
    splat(body, NaN).get(ordered).op("v128.bitselect").set(greatest);
  };
  return {
    ...plainly,
    starts: [...plainly.starts, ones, ones],
    take: (body, [greatest, signs, ordered]) => {
      const x = body.local("v128");
      body.set(x).get(greatest).get(x).op(`${vector}.pmax`).set(greatest);
      body.get(signs).get(x).op("v128.and").set(signs);
      body.get(x).get(x).op(`${vector}.eq`).get(ordered).op("v128.and").set(ordered);
    },
    end: (body, from) => {
      join(body, from);
      plainly.end(body, from);
    },
    storeAll: (body, from, out) => {
      join(body, from);
      plainly.storeAll(body, from, out);
    },
  };
}

/** Bits that are all 1. */
function ones(body: Body): Body {
  return body.i32(-1).op("i32x4.splat");
}

/** Zeros of float64. */
function zeros(body: Body): Body {
  return body.f64(0).op("f64x2.splat");
}

/** Sums of float32 are kept in float64, and rounded once. */
const singleSum: Fold = {
  starts: [zeros, zeros],
  take: (body, [low, high]) => {
    const x = body.local("v128");
    body.set(x);
    body.get(low).get(x).op("f64x2.promote_low_f32x4", "f64x2.add").set(low);
    body.get(high).get(x).get(x);
    body.op("halves.swap", "f64x2.promote_low_f32x4", "f64x2.add").set(high);
  },
  end: (body, [low, high]) => {
    body.get(low).get(high).op("f64x2.add").set(low);
    body.get(low).lane("f64x2.extract_lane", 0);
    body.get(low).lane("f64x2.extract_lane", 1).op("f64.add");
  },
  total: "f64",
  load: "f32.load",
  takeOne: (body) => void body.op("f64.promote_f32", "f64.add"),
  round: (body) => void body.op("f32.demote_f64"),
  store: "f32.store",
  storeAll: (body, from, out) =>
    from.forEach((sum, half) => {
      for (const lane of [0, 1]) {
        body.get(out).get(sum).lane("f64x2.extract_lane", lane).op("f32.demote_f64");
        body.at("f32.store", 8 * half + 4 * lane);
      }
    }),
};

/** The greatest of masks, which are bytes here: whether one is 1. */
const anyOf: Fold = {
  starts: [(body) => body.i32(0).op("i32x4.splat")],
  take: (body, [into]) => void body.get(into).op("v128.or").set(into),
  end: (body, [from]) => void body.get(from).op("v128.any_true"),
  total: "i32",
  load: "i32.load8_u",
  takeOne: (body) => void body.op("i32.or"),
  round: () => undefined,
  store: "i32.store8",
  storeAll: (body, [from], out) => void body.get(out).get(from).at("v128.store"),
};

const folds: Readonly<Record<Reduction, Readonly<Record<DType, Fold>>>> = {
  sum: {
    float32: singleSum,
    float64: plainFold("f64", "f64x2", "add", zeros),
    int32: plainFold("i32", "i32x4", "add", (body) => body.i32(0).op("i32x4.splat")),
    // Ops cast masks before they count them; of masks themselves, 1 + 1 is 1.
    bool: anyOf,
  },
  max: {
    float32: greatestFold("f32", "f32x4"),
    float64: greatestFold("f64", "f64x2"),
    int32: plainFold("i32", "i32x4", "max_s", (body) => body.i32(-(2 ** 31)).op("i32x4.splat")),
    bool: anyOf,
  },
};

/** Bytes of the accumulators of one vector of elements, where they are kept in memory. */
export function keptBytes(reduction: Reduction, dtype: DType): number {
  return 16 * folds[reduction][dtype].starts.length;
}

/**
 * A reduction under way, in locals: as many elements as a vector has lanes go to as many totals, which are joined
 * at the end. All kernels that reduce rows do it by this, so that they find the same bits.
 */
export class Accumulator {
  readonly #body: Body;
  readonly #fold: Fold;
  readonly #vectors: readonly number[];
  readonly #total: number;

  /** One more in this function. */
  constructor(body: Body, reduction: Reduction, dtype: DType) {
    this.#body = body;
    this.#fold = folds[reduction][dtype];
    this.#vectors = this.#fold.starts.map(() => body.local("v128"));
    this.#total = body.local(this.#fold.total);
  }

  /** Begins with nothing. */
  begin(): void {
    this.#fold.starts.forEach((start, i) => start(this.#body).set(this.#vectors[i]));
  }

  /** Goes on from what was left at an address, where it is the accumulator of this number. */
  goOn(pointer: number, number: number): void {
    this.#vectors.forEach((vector, i) => {
      const at = 16 * (number * this.#vectors.length + i);
      this.#body.get(pointer).at("v128.load", at).set(vector);
    });
  }

  /** Leaves what it has for {@link Accumulator.goOn}. */
  pause(pointer: number, number: number): void {
    this.#vectors.forEach((vector, i) => {
      const at = 16 * (number * this.#vectors.length + i);
      this.#body.get(pointer).get(vector).at("v128.store", at);
    });
  }

  /** Takes the vector on the stack. */
  take(): void {
    this.#fold.take(this.#body, this.#vectors);
  }

  /** Takes the vector so many bytes behind an address. */
  takeAt(pointer: number, offset = 0): void {
    this.#body.get(pointer).at("v128.load", offset);
    this.take();
  }

  /** Joins the lanes; what is left of a row is taken one by one. */
  join(): void {
    this.#fold.end(this.#body, this.#vectors);
    this.#body.set(this.#total);
  }

  /** Takes one element, which is put on the stack by a function, after the lanes are joined. */
  takeOne(put: () => void): void {
    this.#body.get(this.#total);
    put();
    this.#fold.takeOne(this.#body);
    this.#body.set(this.#total);
  }

  /** Takes the element at an address. */
  takeOneAt(pointer: number): void {
    this.takeOne(() => this.#body.get(pointer).at(this.#fold.load));
  }

  /** Puts the result on the stack, as an element. */
  result(): void {
    this.#fold.round(this.#body.get(this.#total));
  }

  /** Stores the result. */
  store(pointer: number): void {
    this.#body.get(pointer);
    this.result();
    this.#body.at(this.#fold.store);
  }

  /** Stores the lanes as neighbours. */
  storeAll(pointer: number): void {
    this.#fold.storeAll(this.#body, this.#vectors, pointer);
  }
}
