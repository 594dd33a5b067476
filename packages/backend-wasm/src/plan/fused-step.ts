/** @file The step that runs a kernel of many functions of elements. */
import { sizeOf } from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import type { Lanes } from "../elementwise.ts";
import { type Expression, operand } from "../expression.ts";
import { fusedKernel, type Stream } from "./fused.ts";
import type { Host } from "./host.ts";
import { type Leaves, replaced, visitParts } from "./leaves.ts";
import type { Place } from "./place.ts";
import { locate, type Step } from "./step.ts";

/** A function of elements, and where its results go. */
export interface Computed {
  readonly to: Place;
  /** How many elements go together. */
  readonly lanes: Lanes;
  readonly value: Expression;
}

/** A step that computes functions of elements of one shape. */
export function fusedStep(
  { machine, slots }: Host,
  leaves: Leaves,
  shape: readonly number[],
  results: readonly Computed[],
): Step {
  // The kernel numbers its operands in the order in which they appear.
  const numbers = new Map<number, number>();
  const places: Place[] = [];
  const known = new Map<Expression, Expression>();
  const renumbered = (index: number): Expression => {
    const number = numbers.get(index) ?? places.push(leaves.placeOf(index)) - 1;
    numbers.set(index, number);
    return operand(number);
  };
  const values = results.map(({ value }) => replaced(value, renumbered, known));
  const targets = results.map(({ to }) => to);
  const streams = [...targets, ...places];
  const lanes = results.some((result) => result.lanes === 2) ? 2 : 4;
  const kernelOf = (part: readonly number[]): ReturnType<typeof fusedKernel> =>
    fusedKernel({
      shape: part,
      lanes,
      operands: places.map(streamOf),
      results: targets.map((to, i) => ({ ...streamOf(to), value: values[i] })),
    });
  const parts = new Set<Expression>();
  for (const value of values) visitParts(value, () => undefined, parts);
  // Threads take rows of the first axis that has some.
  const axis = Math.max(
    0,
    shape.findIndex((size) => size > 1),
  );
  const cuts = machine.cut(shape[axis] ?? 1, parts.size * sizeOf(shape));
  return {
    what: `fused [${shape.join(", ")}] ${places.length} → ${targets.length}`,
    reads: places.map(({ buffer }) => buffer),
    writes: targets.map(({ buffer }) => buffer),
    build: () => {
      const jobs = cuts.map(([, size]) => {
        const { name, source } = kernelOf(cuts.length === 1 ? shape : shape.with(axis, size));
        return { slot: machine.slot(name, source), values: streams.map(() => 0) };
      });
      const addresses = cuts.map(([first]) =>
        streams.map((place) => {
          const [slot, start] = locate(place);
          return [slot, start + first * (place.strides[axis] ?? 0) * bytesOf(place.dtype)] as const;
        }),
      );
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

function streamOf({ dtype, strides }: Place): Stream {
  return { dtype, strides };
}
