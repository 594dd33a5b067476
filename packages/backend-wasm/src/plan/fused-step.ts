/** @file The step that runs a kernel of many functions of elements. */
import { sizeOf } from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import { type Expression, operand } from "../expression.ts";
import { fusedKernel, type Stream } from "./fused.ts";
import type { Host } from "./host.ts";
import { type Leaves, replaced, visitParts } from "./leaves.ts";
import type { Place } from "./place.ts";
import { locate, type Step } from "./step.ts";

/** A function of elements, and where its results go. */
export interface Computed {
  readonly to: Place;
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
  const kernelOf = (part: readonly number[]): ReturnType<typeof fusedKernel> =>
    fusedKernel({
      shape: part,
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
    // Elements are read before those at the same place are written.
    mayOverwrite: (read, written) =>
      targets
        .filter(({ buffer }) => buffer === written)
        .every((to) => places.every((from) => from.buffer !== read || isSameLayout(from, to))),
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
  return { dtype: dtype as Stream["dtype"], strides };
}

/** Whether the elements of two places of one shape lie in the same way. */
function isSameLayout(a: Place, b: Place): boolean {
  const isSame = a.offset === b.offset && a.strides.join() === b.strides.join();
  return isSame && bytesOf(a.dtype) === bytesOf(b.dtype);
}
