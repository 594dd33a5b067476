/** @file The step that runs a kernel of many functions of elements. */
import { type Expression, operand } from "../expression.ts";
import { fusedKernel, type Stream } from "./fused.ts";
import type { Host } from "./host.ts";
import { type Leaves, replaced } from "./leaves.ts";
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
  const { name, source } = fusedKernel({
    shape,
    operands: places.map(streamOf),
    results: targets.map((to, i) => ({ ...streamOf(to), value: values[i] })),
  });
  return {
    what: `fused [${shape.join(", ")}] ${places.length} → ${targets.length}`,
    reads: places.map(({ buffer }) => buffer),
    writes: targets.map(({ buffer }) => buffer),
    build: () => {
      const kernel = machine.slot(name, source);
      const addresses = [...targets, ...places].map(locate);
      const args = addresses.map(() => 0);
      return () => {
        for (let i = 0; i < args.length; i++) {
          const [slot, start] = addresses[i];
          args[i] = slots[slot] + start;
        }
        kernel.run(...args);
      };
    },
  };
}

function streamOf({ dtype, strides }: Place): Stream {
  return { dtype: dtype as Stream["dtype"], strides };
}
