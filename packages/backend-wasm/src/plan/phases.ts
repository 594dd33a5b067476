/**
 * @file What a kernel does with each row, one thing after the other: every phase visits the elements, and goes as
 * far as it can: to numbers that rows are reduced to, and to values that it is worth going on with later. What
 * later phases need of the reduced numbers is computed between them, once.
 */
import type { Expression } from "../expression.ts";
import { operand } from "../expression.ts";
import type { Reduction } from "../folds.ts";
import { isShort, visitParts } from "./leaves.ts";

/** What a kernel of rows computes. Operands are those in memory, and behind them the reductions. */
export interface RowFunctions {
  /** Of the operands in memory, whether they are other elements for each element of a row. */
  readonly varies: readonly boolean[];
  /** Whether rows are long enough to go on with values later. */
  readonly isLong: boolean;
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
  /** Values that it keeps for later phases. */
  readonly keeps: readonly Keep[];
  /** Results that it stores. */
  readonly results: readonly Numbered[];
  /** Reductions that it finishes. */
  readonly reductions: readonly Numbered[];
}

/** Where the values of an earlier phase are: they are this result, or one of those kept of a row or of a strip. */
export interface Whereabouts {
  readonly from: "result" | "row" | "strip";
  readonly number: number;
}

/** A value of an earlier phase: which operand it is now, and where it lies. */
export interface Again extends Whereabouts {
  readonly index: number;
}

/** Something that is kept for later phases, and where. */
export interface Keep extends Whereabouts {
  readonly value: Expression;
}

/** All of it. */
export interface Phases {
  /** Up to each reduction, phases that all visit a strip of elements before they visit the next one. */
  readonly groups: readonly (readonly Phase[])[];
  /** What is stored once for each row, at its end. */
  readonly last: readonly Numbered[];
  /** How many values are kept of a row, for later groups, and of a strip, for later phases of the same. */
  readonly kept: { readonly row: number; readonly strip: number };
  /** How many operands there are, with those that are computed ahead or read again. */
  readonly operands: number;
}

/** Plans the phases of a kernel. */
export function phasesOf({ varies, isLong, reductions, results }: RowFunctions): Phases {
  const facts = new Facts(varies, isLong, reductions);
  const roots = [
    ...reductions.map(({ of }) => of),
    ...results.flatMap(({ value, isPerRow }) => (isPerRow ? [] : [value])),
  ];
  const count = 1 + Math.max(...roots.map((value) => facts.levelOf(value)));
  const phases = Array.from({ length: count }, (_, phase) => phase);
  const paused = facts.paused(roots);
  const ofPhase = (phase: number): { ends: Numbered[]; stored: Numbered[] } => ({
    ends: reductions.flatMap(({ of }, index) =>
      facts.levelOf(of) === phase ? [{ index, value: of }] : [],
    ),
    stored: results.flatMap(({ value, isPerRow }, index) =>
      !isPerRow && facts.levelOf(value) === phase ? [{ index, value }] : [],
    ),
  });

  // A value that a later phase needs again is read again if it is stored as a result anyway; else it is computed
  // again if that is short, and kept if it is not, or if it was to be gone on with later.
  const [first, latest] = [new Map<Expression, number>(), new Map<Expression, number>()];
  const stays = new Map<Expression, number | "kept">();
  for (const phase of phases) {
    const { ends, stored } = ofPhase(phase);
    const pauses = paused.filter((value) => facts.levelOf(value) === phase);
    const seen = new Set<Expression>();
    const visit = (value: Expression): void => {
      if (value.kind !== "op" || !facts.isVarying(value) || seen.has(value)) return;
      seen.add(value);
      const before = first.get(value) ?? phase;
      first.set(value, before);
      latest.set(value, phase);
      if (before < phase && (stays.has(value) || !isShort(value))) {
        if (!stays.has(value)) stays.set(value, "kept");
        return;
      }
      for (const input of value.inputs) visit(input);
    };
    for (const value of [...pauses, ...[...ends, ...stored].map((each) => each.value)])
      visit(value);
    for (const { index, value } of stored) {
      const isNew = value.kind === "op" && !stays.has(value) && first.get(value) === phase;
      if (isNew && results[index].isReadable) stays.set(value, index);
    }
    for (const value of pauses) if (!stays.has(value)) stays.set(value, "kept");
  }
  const groupOf = (phase: number | undefined): number =>
    phases.filter((other) => other < (phase ?? 0) && ofPhase(other).ends.length > 0).length;
  const kept = { row: 0, strip: 0 };
  const places = new Map<Expression, Whereabouts>();
  for (const [value, stay] of stays) {
    const from = groupOf(first.get(value)) === groupOf(latest.get(value)) ? "strip" : "row";
    if (stay === "kept") places.set(value, { from, number: kept[from]++ });
    else places.set(value, { from: "result", number: stay });
  }

  let operands = varies.length + reductions.length;
  const ahead = new Map<Expression, number>();
  const again = new Map<Expression, number>();
  const numberOf = (map: Map<Expression, number>, value: Expression): number => {
    const number = map.get(value) ?? operands++;
    map.set(value, number);
    return number;
  };
  const visitOf = (phase: number): Phase => {
    const { ends, stored } = ofPhase(phase);
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
      if (place !== undefined && (first.get(value) as number) < phase) {
        const index = numberOf(again, value);
        late.set(value, { ...place, index });
        return operand(index);
      }
      return { ...value, inputs: value.inputs.map(inLoop) };
    };
    const written = ({ index, value }: Numbered): Numbered => ({ index, value: inLoop(value) });
    const keeps = [...places]
      .filter(([value, { from }]) => from !== "result" && first.get(value) === phase)
      .map(([value, { from, number }]): Keep => ({ from, number, value: inLoop(value) }));
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
  const groups: Phase[][] = [];
  for (const phase of phases) (groups[groupOf(phase)] ??= []).push(visitOf(phase));
  const last = results.flatMap(({ value, isPerRow }, index) =>
    isPerRow ? [{ index, value }] : [],
  );
  return { groups, last, kept, operands };
}

/** What is known of expressions in a row. */
class Facts {
  readonly #varies: readonly boolean[];
  readonly #isLong: boolean;
  readonly #reductions: RowFunctions["reductions"];
  readonly #levels = new Map<Expression, number>();
  readonly #varying = new Map<Expression, boolean>();

  constructor(varies: readonly boolean[], isLong: boolean, reductions: RowFunctions["reductions"]) {
    this.#varies = varies;
    this.#isLong = isLong;
    this.#reductions = reductions;
  }

  /** The first phase that can compute it: the one after all reductions that it reads, and after its pauses. */
  levelOf(value: Expression): number {
    const known = this.#levels.get(value);
    if (known !== undefined) return known;
    let level = 0;
    if (value.kind === "op") {
      const before = Math.max(...value.inputs.map((x) => this.levelOf(x)));
      level = before + (this.#isPaused(value) ? 1 : 0);
    } else if (value.kind === "operand" && value.index >= this.#varies.length) {
      level = 1 + this.levelOf(this.#reductions[value.index - this.#varies.length].of);
    }
    this.#levels.set(value, level);
    return level;
  }

  /** What is to be gone on with later, among all parts of some functions. */
  paused(roots: readonly Expression[]): readonly Expression[] {
    const found = new Set<Expression>();
    const seen = new Set<Expression>();
    for (const root of roots) {
      const note = (part: Expression): void => {
        if (part.kind === "op" && this.#isPaused(part)) found.add(part.inputs[0]);
      };
      visitParts(root, note, seen);
    }
    return [...found];
  }

  #isPaused(value: Expression): boolean {
    return this.#isLong && value.kind === "op" && value.name === "later" && this.isVarying(value);
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
