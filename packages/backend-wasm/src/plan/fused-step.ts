/** @file The step that runs a kernel of many functions of elements. */
import { type Shape, sizeOf } from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import { type LaneCount, mostLanes } from "../elementwise.ts";
import { type Expression, operand } from "../expression.ts";
import { fusedKernel, type Result, type RowForm, type Stream } from "./fused.ts";
import type { Host } from "./host.ts";
import { type Leaves, replaced, unified } from "./leaves.ts";
import { phasesOf } from "./phases.ts";
import { Buffer, type Place, type Reduced, type Rows } from "./place.ts";
import { lengthOf, spread } from "./rows.ts";
import { locate, type Step } from "./step.ts";

/** A function of elements, and where its results go. */
export interface Computed {
  readonly to: Place;
  /** How many elements go together. */
  readonly lanes: LaneCount;
  readonly value: Expression;
}

/** The elements that a kernel visits, and the rows that it reduces. */
export interface Visited {
  readonly shape: Shape;
  readonly rows: Rows | null;
}

/** A step that computes functions of elements of one shape. */
export function fusedStep(
  to: { readonly host: Host },
  leaves: Leaves,
  { shape, rows }: Visited,
  results: readonly Computed[],
): Step {
  const { machine, slots } = to.host;
  const { places, reductions, values } = numbered(leaves, results);
  const targets = results.map((result) => result.to);
  const streamOf = ({ dtype, shape: own, strides }: Place): Stream => ({
    dtype,
    strides: rows === null ? strides : spread({ shape: own, strides }, rows),
  });
  const stored = targets.map((place, i) => ({ ...streamOf(place), value: values[i] }));
  const operands = places.map(streamOf);
  const rowForm = rows === null ? null : rowFormOf(rows, operands, reductions, stored);
  const kept = rowForm === null ? 0 : rowForm.phases.kept;
  // What is kept for a row is whole vectors of it.
  const keptBytes = 16 * Math.ceil((rows === null ? 0 : lengthOf(rows)) / mostLanes);
  const lanes = results.some((result) => result.lanes === 2) ? 2 : mostLanes;
  const kernelOf = (part: readonly number[]): ReturnType<typeof fusedKernel> =>
    fusedKernel({ shape: part, lanes, operands, results: stored, rows: rowForm });
  const parts = new Set<Expression>();
  for (const { value } of results) leaves.visit(value, () => undefined, parts);
  // Threads take parts of the first axis that has some, and whole rows.
  const axis = Math.max(
    0,
    shape.findIndex((size) => size > 1),
  );
  const canCut = rows === null || axis < rows.axis;
  const cuts = machine.cut(canCut ? (shape[axis] ?? 1) : 1, parts.size * sizeOf(shape));
  const scratch = new Buffer(cuts.length * kept * keptBytes, to);
  const streams = [
    ...stored.map(({ strides }) => strides),
    ...operands.map(({ strides }) => strides),
  ];
  const names = [...new Set(reductions.map(({ name }) => name))];
  const what = names.length === 0 ? "" : ` with ${names.join(", ")}`;
  return {
    what: `fused [${shape.join(", ")}] ${places.length} → ${targets.length}${what}`,
    reads: places.map(({ buffer }) => buffer),
    writes: [...targets.map(({ buffer }) => buffer), ...(kept > 0 ? [scratch] : [])],
    // Elements are read before those at the same place are written; those of rows, again and again.
    mayOverwrite: (read, written) =>
      rows === null &&
      targets
        .filter(({ buffer }) => buffer === written)
        .every((place) =>
          places.every((from) => from.buffer !== read || isSameLayout(from, place)),
        ),
    build: () => {
      const jobs = cuts.map(([, size]) => {
        const { name, source } = kernelOf(cuts.length === 1 ? shape : shape.with(axis, size));
        return {
          slot: machine.slot(name, source),
          values: Array.from({ length: streams.length + kept }, () => 0),
        };
      });
      const addresses = cuts.map(([first], job) => {
        const ofPlaces = [...targets, ...places].map((place, i) => {
          const [slot, start] = locate(place);
          return [slot, start + first * (streams[i][axis] ?? 0) * bytesOf(place.dtype)] as const;
        });
        const ofKept = Array.from({ length: kept }, (_, i) => {
          return [scratch.slot, scratch.start + (job * kept + i) * keptBytes] as const;
        });
        return ofPlaces.concat(ofKept);
      });
      return () => {
        jobs.forEach(({ values: now }, j) => {
          const ofJob = addresses[j];
          for (let i = 0; i < now.length; i++) {
            const [slot, start] = ofJob[i];
            now[i] = slots[slot] + start;
          }
        });
        machine.runAll(jobs);
      };
    },
  };
}

/** Functions as a kernel has them: operands are numbered in the order in which they appear, reductions behind them. */
function numbered(
  leaves: Leaves,
  results: readonly Computed[],
): {
  readonly places: readonly Place[];
  readonly reductions: RowForm["reductions"];
  readonly values: readonly Expression[];
} {
  const numbers = new Map<number, number>();
  const places: Place[] = [];
  const found = new Map<number, Reduced>();
  const seen = new Set<Expression>();
  const note = (part: Expression): void => {
    if (part.kind !== "operand" || numbers.has(part.index)) return;
    const leaf = leaves.leafOf(part.index);
    if (leaf.kind === "reduced") found.set(part.index, leaf);
    else numbers.set(part.index, places.push(leaf) - 1);
  };
  for (const { value } of results) leaves.visit(value, note, seen);
  for (const index of found.keys()) numbers.set(index, numbers.size);
  const shared = new Map<string, Expression>();
  const known = new Map<Expression, Expression>();
  const byNumber = (index: number): Expression => operand(numbers.get(index) as number);
  const renumbered = (value: Expression): Expression =>
    unified(replaced(value, byNumber, known), shared);
  const reductions = [...found.values()].map(({ name, of }) => ({ name, of: renumbered(of) }));
  return { places, reductions, values: results.map(({ value }) => renumbered(value)) };
}

/** The phases of a kernel, whose streams are known. */
function rowFormOf(
  { shape, axis }: Rows,
  operands: readonly Stream[],
  reductions: RowForm["reductions"],
  results: readonly Result[],
): RowForm {
  const along = (stream: Stream): readonly number[] =>
    stream.strides.filter((_, i) => i >= axis && shape[i] !== 1);
  const phases = phasesOf({
    varies: operands.map((stream) => along(stream).some((stride) => stride !== 0)),
    reductions,
    results: results.map((result) => ({
      value: result.value,
      isPerRow: along(result).every((stride) => stride === 0),
      isReadable: along(result).at(-1) === 1,
    })),
  });
  return { axis, reductions, phases };
}

/** Whether the elements of two places of one shape lie in the same way. */
function isSameLayout(a: Place, b: Place): boolean {
  const isSame = a.offset === b.offset && a.strides.join() === b.strides.join();
  return isSame && bytesOf(a.dtype) === bytesOf(b.dtype);
}
