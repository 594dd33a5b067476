/**
 * @file What a kernel does with each row, one thing after the other: every phase visits the elements, and
 * reduces some function of them; what later phases need of these numbers is computed between them, once.
 */
import type { Expression } from "../expression.ts";
import { operand } from "../expression.ts";
import type { Reduction } from "../folds.ts";
import { isShort } from "./leaves.ts";

/** What a kernel of rows computes. Operands are those in memory, and behind them the reductions. */
export interface RowFunctions {
  /** Of the operands in memory, whether they are other elements for each element of a row. */
  readonly varies: readonly boolean[];
  /** What is reduced; inner ones come first. */
  readonly reductions: readonly { readonly name: Reduction; readonly of: Expression }[];
  /** What is stored: for each element or each row; and whether it can be read from there again. */
  readonly results: readonly {
    readonly value: Expression;
    readonly isPerRow: boolean;
    readonly isReadable: boolean;
  }[];
}

/** Something that is computed, and the number of what it is for. */
export interface Numbered {
  readonly index: number;
  readonly value: Expression;
}

/** A visit of the elements of a row. */
export interface Phase {
  /** What is computed before it, once: operands of these numbers. */
  readonly ahead: readonly Numbered[];
  /** Operands in memory that it reads. */
  readonly reads: readonly number[];
  /** Values of earlier phases that it reads again: operands of these numbers. */
  readonly again: readonly Again[];
  /** Values that it keeps for later phases: by their numbers among all that are kept. */
  readonly keeps: readonly Numbered[];
  /** Results that it stores. */
  readonly results: readonly Numbered[];
  /** Reductions that it finishes. */
  readonly reductions: readonly Numbered[];
}

/** A value of an earlier phase: which operand it is now, and where it lies. */
export interface Again {
  readonly index: number;
  readonly from: "result" | "kept";
  /** The number of the result, or among those that are kept. */
  readonly number: number;
}

/** All of it. */
export interface Phases {
  readonly list: readonly Phase[];
  /** What is stored once for each row, at its end. */
  readonly last: readonly Numbered[];
  /** How many values are kept, each for one row. */
  readonly kept: number;
  /** How many operands there are, with those that are computed ahead or read again. */
  readonly operands: number;
}

/** Plans the phases of a kernel. */
export function phasesOf({ varies, reductions, results }: RowFunctions): Phases {
  const facts = new Facts(varies, reductions);
  const roots = [
    ...reductions.map(({ of }) => of),
    ...results.flatMap(({ value, isPerRow }) => (isPerRow ? [] : [value])),
  ];
  const count = 1 + Math.max(...roots.map((value) => facts.levelOf(value)));
  const ofPhase = (phase: number): { ends: Numbered[]; stored: Numbered[] } => ({
    ends: reductions.flatMap(({ of }, index) =>
      facts.levelOf(of) === phase ? [{ index, value: of }] : [],
    ),
    stored: results.flatMap(({ value, isPerRow }, index) =>
      !isPerRow && facts.levelOf(value) === phase ? [{ index, value }] : [],
    ),
  });

  // A value that a later phase needs again is read again if it is stored as a result anyway; else it is computed
  // again if that is short, and kept for the row if it is not.
  const first = new Map<Expression, number>();
  const places = new Map<Expression, Omit<Again, "index">>();
  let kept = 0;
  for (let phase = 0; phase < count; phase++) {
    const { ends, stored } = ofPhase(phase);
    const seen = new Set<Expression>();
    const visit = (value: Expression): void => {
      if (value.kind !== "op" || !facts.isVarying(value) || seen.has(value)) return;
      seen.add(value);
      const before = first.get(value) ?? phase;
      first.set(value, before);
      if (before < phase) {
        if (places.has(value)) return;
        if (!isShort(value)) {
          places.set(value, { from: "kept", number: kept++ });
          return;
        }
      }
      for (const input of value.inputs) visit(input);
    };
    for (const { value } of [...ends, ...stored]) visit(value);
    for (const { index, value } of stored) {
      const isNew = value.kind === "op" && !places.has(value) && first.get(value) === phase;
      if (isNew && results[index].isReadable) places.set(value, { from: "result", number: index });
    }
  }

  let operands = varies.length + reductions.length;
  const ahead = new Map<Expression, number>();
  const again = new Map<Expression, number>();
  const numberOf = (map: Map<Expression, number>, value: Expression): number => {
    const number = map.get(value) ?? operands++;
    map.set(value, number);
    return number;
  };
  const keptOf = (phase: number): Numbered[] =>
    [...places].flatMap(([value, { from, number }]) =>
      from === "kept" && first.get(value) === phase ? [{ index: number, value }] : [],
    );
  const visitOf = (phase: number, toKeep: readonly Numbered[], isKeeping: boolean): Phase => {
    const { ends, stored } = isKeeping ? { ends: [], stored: [] } : ofPhase(phase);
    const reads = new Set<number>();
    const [early, late]: [Numbered[], Map<Expression, Again>] = [[], new Map()];
    const known = new Map<Expression, Expression>();
    const inLoop = (value: Expression): Expression => {
      const done = known.get(value) ?? now(value);
      known.set(value, done);
      return done;
    };
    const now = (value: Expression): Expression => {
      if (value.kind === "operand" && varies[value.index]) reads.add(value.index);
      if (value.kind !== "op") return value;
      if (!facts.isVarying(value)) {
        if (!ahead.has(value)) early.push({ index: numberOf(ahead, value), value });
        return operand(numberOf(ahead, value));
      }
      const place = places.get(value);
      const isBefore = (first.get(value) as number) < phase;
      if (place !== undefined && (isBefore || (place.from === "kept" && !isKeeping))) {
        const index = numberOf(again, value);
        late.set(value, { ...place, index });
        return operand(index);
      }
      return { ...value, inputs: value.inputs.map(inLoop) };
    };
    const written = ({ index, value }: Numbered): Numbered => ({ index, value: inLoop(value) });
    const keeps = isKeeping ? toKeep.map(written) : [];
    const [endsHere, storedHere] = [ends.map(written), stored.map(written)];
    return {
      ahead: early,
      reads: [...reads],
      again: [...late.values()],
      keeps,
      results: storedHere,
      reductions: endsHere,
    };
  };
  // What is kept is worth a visit of its own, before the others of its phase: measured, 4 % of a softmax.
  const list = Array.from({ length: count }, (_, phase) => {
    const toKeep = keptOf(phase);
    const rest = (): Phase => visitOf(phase, [], false);
    return toKeep.length === 0 ? [rest()] : [visitOf(phase, toKeep, true), rest()];
  }).flat();
  const last = results.flatMap(({ value, isPerRow }, index) =>
    isPerRow ? [{ index, value }] : [],
  );
  return { list, last, kept, operands };
}

/** What is known of expressions in a row. */
class Facts {
  readonly #varies: readonly boolean[];
  readonly #reductions: RowFunctions["reductions"];
  readonly #levels = new Map<Expression, number>();
  readonly #varying = new Map<Expression, boolean>();

  constructor(varies: readonly boolean[], reductions: RowFunctions["reductions"]) {
    this.#varies = varies;
    this.#reductions = reductions;
  }

  /** The first phase that can compute it: the one after all reductions that it reads. */
  levelOf(value: Expression): number {
    const known = this.#levels.get(value);
    if (known !== undefined) return known;
    let level = 0;
    if (value.kind === "op") level = Math.max(...value.inputs.map((x) => this.levelOf(x)));
    else if (value.kind === "operand" && value.index >= this.#varies.length) {
      level = 1 + this.levelOf(this.#reductions[value.index - this.#varies.length].of);
    }
    this.#levels.set(value, level);
    return level;
  }

  /** Whether it is another number for each element of a row. */
  isVarying(value: Expression): boolean {
    const known = this.#varying.get(value);
    if (known !== undefined) return known;
    let isVarying = false;
    if (value.kind === "op") isVarying = value.inputs.some((x) => this.isVarying(x));
    else if (value.kind === "operand") isVarying = this.#varies[value.index] ?? false;
    this.#varying.set(value, isVarying);
    return isVarying;
  }
}
