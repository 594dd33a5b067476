/**
 * @file Loops in plans: the body's steps, run once for each step of the loop, with slots that move.
 *
 * Nothing is copied from step to step: a state is written where the next step reads it. A state whose
 * values of all steps are wanted lives in a stack with one row more than there are steps, which shows the
 * states before the steps and those after them.
 */
import type { Program, ProgramNode, ScanParams, Variable } from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import { Lowering } from "./lowering.ts";
import { Buffer, bytesFor, type Place, placeOf, type Value } from "./place.ts";
import { layOut, locate, settle } from "./step.ts";

/** A slot that moves from step to step. */
interface Moving {
  readonly slot: number;
  /** What it moves over. */
  readonly over: Place;
  /** Bytes from a row to the next, and the row at the step that runs as number s, for input t. */
  readonly row: number;
  readonly at: (s: number, t: number) => number;
}

/** Rows of a state: where it is before and after the step that runs as number s, for input t. */
interface Rows {
  readonly stack: Place;
  readonly before: (s: number, t: number) => number;
  readonly after: (s: number, t: number) => number;
}

/** Makes the steps of a loop. */
export function lowerScan(
  outer: Lowering,
  node: ProgramNode,
  params: ScanParams,
  lowerBody: (to: Lowering, body: Program) => void,
): void {
  const { body, steps, reverse, consts, carries } = params;
  const { host } = outer;
  const firstX = consts + carries;
  const ins = body.inputs.slice(consts, firstX);
  const outs = body.outputs.slice(0, carries);
  const ys = body.outputs.slice(carries);
  const moving: Moving[] = [];
  const last = steps - 1;

  /** A buffer of the body that is where a moving slot says. */
  const rowOf = (v: Variable, over: Place, at: Moving["at"], home: object): Place => {
    const row = over.strides[0] * bytesOf(over.dtype);
    const slot = host.slot();
    moving.push({ slot, over, row, at });
    const place = placeOf(v.type, new Buffer(bytesFor(v.type), home, slot));
    return { ...place, strides: over.strides.slice(1) };
  };
  const stacked = (v: Variable, rows: number): Place => {
    const type = { shape: [rows, ...v.type.shape], dtype: v.type.dtype };
    return placeOf(type, outer.buffer(type));
  };

  // Where states are.
  const states = ins.map((v, i): Rows => {
    const isKept = ys.includes(v) || ys.includes(outs[i]);
    if (isKept && reverse) {
      return { stack: stacked(v, steps + 1), before: (_, t) => t + 1, after: (_, t) => t };
    }
    if (isKept)
      return { stack: stacked(v, steps + 1), before: (_, t) => t, after: (_, t) => t + 1 };
    return { stack: stacked(v, 2), before: (s) => s % 2, after: (s) => (s + 1) % 2 };
  });
  const tOf = (s: number): number => (reverse ? last - s : s);
  ins.forEach((_, i) => {
    const first = rowAt(states[i], states[i].before(0, tOf(0)));
    outer.bring(node.inputs[consts + i], first);
  });

  // The body.
  const inner = new Lowering(host, body, outer);
  const wanted: { v: Variable; to: Place }[] = [];
  const want = (v: Variable, to: Place): void => {
    inner.want(v, to);
    wanted.push({ v, to });
  };
  body.inputs.slice(0, consts).forEach((v, i) => inner.set(v, given(outer, node.inputs[i])));
  ins.forEach((v, i) => inner.set(v, rowOf(v, states[i].stack, states[i].before, inner)));
  outs.forEach((v, i) => want(v, rowOf(v, states[i].stack, states[i].after, inner)));
  body.inputs.slice(firstX).forEach((v, i) => {
    const value = given(outer, node.inputs[firstX + i]);
    if (value.kind === "place")
      inner.set(
        v,
        rowOf(v, value, (_, t) => t, inner),
      );
    else inner.set(v, { ...value, ...v.type });
  });
  const stacks = new Map<Variable, Place>();
  const rows = (v: Variable, i: number, first: number): void => {
    const { stack } = states[i];
    const shape = [steps, ...v.type.shape];
    stacks.set(v, { ...stack, shape, offset: stack.offset + first * stack.strides[0] });
  };
  outs.forEach((v, i) => ys.includes(v) && !stacks.has(v) && rows(v, i, reverse ? 0 : 1));
  ins.forEach((v, i) => ys.includes(v) && !stacks.has(v) && rows(v, i, reverse ? 1 : 0));
  for (const v of ys) {
    if (stacks.has(v)) continue;
    const stack = stacked(v, steps);
    stacks.set(v, stack);
    want(
      v,
      rowOf(v, stack, (_, t) => t, inner),
    );
  }
  lowerBody(inner, body);
  for (const { v, to } of wanted) inner.bring(v, to);

  // The loop.
  const layout = layOut(inner.steps, inner);
  const arena = new Buffer(layout.bytes, outer);
  const used = inner.steps.flatMap(({ reads, writes }) => [...reads, ...writes]);
  const overs = moving.map(({ over }) => over.buffer);
  outer.steps.push({
    what: `${steps} × (${inner.steps.map(({ what }) => what).join("; ")})`,
    reads: [...new Set([...used.filter(({ home }) => home !== inner), ...overs])],
    writes: [arena],
    build: () => {
      settle(layout, arena.slot, arena.start);
      const run = inner.steps.map(({ build }) => build());
      const { slots } = host;
      const moves = moving.map(({ slot, over, row, at }) => {
        const [base, start] = locate(over);
        const bytes = Array.from({ length: steps }, (_, s) => start + row * at(s, tOf(s)));
        return { slot, base, bytes };
      });
      return () => {
        for (let s = 0; s < steps; s++) {
          for (const { slot, base, bytes } of moves) slots[slot] = slots[base] + bytes[s];
          for (const step of run) step();
        }
      };
    },
  });
  for (const v of node.inputs) outer.used(v);

  // Results.
  outs.forEach((_, i) => {
    const row = states[i].after(last, tOf(last));
    outer.set(node.outputs[i], rowAt(states[i], row));
  });
  ys.forEach((v, i) => outer.set(node.outputs[carries + i], stacks.get(v) as Place));
}

/** What a loop is given: a number everywhere, or a place. */
function given(outer: Lowering, v: Variable): Value {
  const value = outer.value(v);
  return value.kind === "filled" ? value : outer.place(v);
}

/** One row of a stack of states. */
function rowAt({ stack }: Rows, row: number): Place {
  const { shape, strides, offset } = stack;
  return {
    ...stack,
    shape: shape.slice(1),
    strides: strides.slice(1),
    offset: offset + row * strides[0],
  };
}
