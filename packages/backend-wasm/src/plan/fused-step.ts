/** @file The step that runs a kernel of many functions of elements. */
import { type Shape, sizeOf } from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import { type LaneCount, mostLanes } from "../elementwise.ts";
import { type Expression, operand } from "../expression.ts";
import { fusedKernel, keptBytesOf, type Result, type RowForm } from "./fused.ts";
import type { Host } from "./host.ts";
import { type Leaves, replaced, unified } from "./leaves.ts";
import { loopsOf, type Stream } from "./loops.ts";
import { type Phases, phasesOf } from "./phases.ts";
import { Buffer, type Place, type Reduced, type Rows } from "./place.ts";
import { stripLength } from "./row-writer.ts";
import { spread } from "./rows.ts";
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

/** Fewer elements than this are not worth a visit that goes on later. */
const fewElements = 16;

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
  const { pointers, streams } = pointersTo([...targets, ...places], rows);
  const stored = values.map((value, i): Result => ({ stream: streams[i], value }));
  const operands = streams.slice(targets.length);
  const lanes = results.some((result) => result.lanes === 2) ? 2 : mostLanes;
  const axisOfRows = rows?.axis ?? null;
  const rowForm = rowFormOf(shape, axisOfRows, lanes, operands, reductions, stored);
  const [keptOfRow, keptOfStrip] = keptBytesOf(rowForm);
  const kept = keptOfRow + keptOfStrip;
  const kernelOf = (part: readonly number[]): ReturnType<typeof fusedKernel> =>
    fusedKernel({
      shape: part,
      lanes,
      together: machine.tile.together,
      pointers: pointers.length,
      operands,
      results: stored,
      rows: rowForm,
    });
  const parts = new Set<Expression>();
  for (const { value } of results) leaves.visit(value, () => undefined, parts);
  // Threads take parts of the first axis that has some, and whole rows.
  const axis = Math.max(
    0,
    shape.findIndex((size) => size > 1),
  );
  const canCut = rows === null || axis < rows.axis;
  const cuts = machine.cut(canCut ? (shape[axis] ?? 1) : 1, parts.size * sizeOf(shape));
  const scratch = new Buffer(cuts.length * kept, to);
  const names = [...new Set(reductions.map(({ name }) => name))];
  const what = names.length === 0 ? "" : ` with ${names.join(", ")}`;
  return {
    what: `fused [${shape.join(", ")}] ${places.length} → ${targets.length}${what}`,
    reads: places.map(({ buffer }) => buffer),
    writes: [...targets.map(({ buffer }) => buffer), ...(kept > 0 ? [scratch] : [])],
    // Elements are read before those at the same place are written, unless they are visited again.
    mayOverwrite: (read, written) =>
      rows === null &&
      targets.every(
        (place, i) =>
          place.buffer !== written ||
          places.every(
            (from, k) =>
              from.buffer !== read ||
              (isSameLayout(from, place) && isReadBefore(rowForm.phases, k, i)),
          ),
      ),
    build: () => {
      const jobs = cuts.map(([, size]) => {
        const { name, source } = kernelOf(cuts.length === 1 ? shape : shape.with(axis, size));
        return {
          slot: machine.slot(name, source),
          values: Array.from({ length: pointers.length + 2 }, () => 0),
        };
      });
      const addresses = cuts.map(([first], job) => {
        const ofPlaces = pointers.map(({ place, strides }) => {
          const [slot, start] = locate(place);
          return [slot, start + first * (strides[axis] ?? 0) * bytesOf(place.dtype)] as const;
        });
        const start = scratch.start + job * kept;
        const ofKept = [start, start + keptOfRow].map((at) => [scratch.slot, at] as const);
        return kept > 0 ? ofPlaces.concat(ofKept) : ofPlaces;
      });
      return () => {
        jobs.forEach(({ values: now }, j) => {
          const ofJob = addresses[j];
          for (let i = 0; i < ofJob.length; i++) {
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

/** What a pointer walks along: elements from this place on, with strides along the axes of a kernel. */
interface Pointer {
  readonly place: Place;
  readonly strides: readonly number[];
}

/** How kernels walk along places: those of one buffer that lie alike have one pointer, as the gates of a cell. */
function pointersTo(
  places: readonly Place[],
  rows: Rows | null,
): { readonly pointers: readonly Pointer[]; readonly streams: readonly Stream[] } {
  const pointers: Pointer[] = [];
  const numbers = places.map((place) => {
    const strides = rows === null ? place.strides : spread(place, rows);
    const number = pointers.findIndex(
      (other) =>
        other.place.buffer === place.buffer &&
        bytesOf(other.place.dtype) === bytesOf(place.dtype) &&
        other.strides.join() === strides.join(),
    );
    if (number < 0) return pointers.push({ place, strides }) - 1;
    if (place.offset < pointers[number].place.offset) pointers[number] = { place, strides };
    return number;
  });
  const streams = places.map(({ dtype, offset }, i): Stream => {
    const { place, strides } = pointers[numbers[i]];
    const behind = (offset - place.offset) * bytesOf(dtype);
    return { dtype, strides, pointer: numbers[i], offset: behind };
  });
  return { pointers, streams };
}

/** What a kernel whose streams are known does with its elements. */
function rowFormOf(
  shape: Shape,
  axis: number | null,
  lanes: LaneCount,
  operands: readonly Stream[],
  reductions: RowForm["reductions"],
  results: readonly Result[],
): RowForm {
  const streams = [...results.map(({ stream }) => stream), ...operands];
  const { sizes, strides } = loopsOf(shape, axis, streams);
  const [length, inner] = [sizes[sizes.length - 1], strides.map((list) => list[list.length - 1])];
  const phases = phasesOf({
    varies: operands.map((_, i) => inner[results.length + i] !== 0),
    isLong: length >= fewElements && lanes === mostLanes,
    reductions,
    results: results.map(({ value }, i) => ({
      value,
      isPerRow: axis !== null && inner[i] === 0,
      isReadable: inner[i] === 1,
    })),
  });
  return { axis, reductions, phases, keptBytes: keptBytesFor(length) };
}

/** Bytes of a value of so many elements, as whole vectors, and of a strip of them. */
function keptBytesFor(length: number): RowForm["keptBytes"] {
  const [row, strip] = [length, Math.min(length, stripLength)].map(
    (count) => 16 * Math.ceil(count / mostLanes),
  );
  return { row, strip };
}

/** Whether no phase reads an operand behind the one that stores a result. */
function isReadBefore({ groups }: Phases, from: number, to: number): boolean {
  const list = groups.flat();
  const read = list.findLastIndex(({ reads }) => reads.includes(from));
  return read <= list.findIndex(({ results }) => results.some(({ index }) => index === to));
}

/** Whether the elements of two places of one shape lie in the same way. */
function isSameLayout(a: Place, b: Place): boolean {
  const isSame = a.offset === b.offset && a.strides.join() === b.strides.join();
  return isSame && bytesOf(a.dtype) === bytesOf(b.dtype);
}
