/**
 * @file Loops, run so that as little as possible stays inside: fission by batching.
 *
 * What a body computes before it needs the state (products with the input) is computed for all steps at
 * once, by the primitives' own batching rules, and so is what does not lead to a next state (output
 * layers, losses, the gradients of weights). Element-by-element work stays inside, where it can be fused
 * with its neighbours, unless something that leaves depends on it.
 */
import { applyMany } from "../apply.ts";
import { batching, exampleOf } from "../interpreters/batch.ts";
import { isRecorded, recordingLevel } from "../interpreters/record.ts";
import { zerosOfType } from "../ops/create.ts";
import { type Lane, noParams } from "../primitive.ts";
import { Add, mul } from "../primitives/binary.ts";
import { broadcastTo } from "../primitives/movement.ts";
import { sum } from "../primitives/reduce.ts";
import { Scan, type ScanParams } from "../primitives/scan.ts";
import type { Tensor } from "../tensor.ts";
import { runNode } from "./evaluate.ts";
import { augmented } from "./loop-derivative.ts";
import { type Program, type ProgramNode, type Variable, variablesOf } from "./program.ts";
import { simplify } from "./simplify.ts";

/** A loop over the first axis of some tensors. */
export interface Loop {
  /** One step: inputs [...consts, ...state, ...x of this step], outputs [...next state, ...y, ...summands]. */
  readonly body: Program;
  /** The same for all steps. */
  readonly consts: readonly Tensor[];
  /** The state before the first step. */
  readonly init: readonly Tensor[];
  /** Inputs, steps along the first axis. */
  readonly xs: readonly Tensor[];
  /** How many steps. */
  readonly steps: number;
  /** Whether the last step comes first. */
  readonly reverse: boolean;
  /** How many of the body's last outputs are summed over all steps, and not stacked. */
  readonly totals: number;
  /** What a derivative finds kept of each step: what its rules read, or the state alone. */
  readonly save: "all" | "carries";
}

/** What a loop makes. */
export interface LoopResult {
  /** The state after the last step. */
  readonly last: readonly Tensor[];
  /** Outputs, steps along a new first axis. */
  readonly ys: readonly Tensor[];
  /** Sums over all steps. */
  readonly totals: readonly Tensor[];
}

/** Runs a loop. */
export function runLoop(loop: Loop): LoopResult {
  const simple = { ...loop, body: simplify(loop.body) };
  // Where memory is short, everything stays inside: what leaves has to be kept for all steps.
  return loop.save === "carries" ? runWhole(simple) : new Fission(simple).run();
}

/** Runs a loop as it is; what is to be summed over the steps is added to further states. */
function runWhole(loop: Loop): LoopResult {
  const { body, consts, init, xs, steps, reverse, save } = loop;
  const end = body.outputs.length - loop.totals;
  const summands = body.outputs.slice(end);
  const inputs = [...consts, ...init, ...xs];
  const zeros = summands.map(({ type }) => zerosOfType(type, inputs[0]));
  let free = Math.max(-1, ...variablesOf(body).map(({ id }) => id)) + 1;
  const fresh = summands.map(({ type }) => ({
    before: { id: free++, type },
    after: { id: free++, type },
  }));
  const adding = summands.map((y, i): ProgramNode => ({
    primitive: Add,
    inputs: [fresh[i].before, y],
    params: noParams,
    outputs: [fresh[i].after],
    isConstant: false,
  }));
  const firstX = consts.length + init.length;
  const results = applyLoop([...consts, ...init, ...zeros, ...xs], {
    body: {
      inputs: [
        ...body.inputs.slice(0, firstX),
        ...fresh.map(({ before }) => before),
        ...body.inputs.slice(firstX),
      ],
      constants: [],
      nodes: [...body.nodes, ...adding],
      outputs: [
        ...body.outputs.slice(0, init.length),
        ...fresh.map(({ after }) => after),
        ...body.outputs.slice(init.length, end),
      ],
    },
    steps,
    reverse,
    consts: consts.length,
    carries: init.length + zeros.length,
    save,
  });
  const states = init.length + zeros.length;
  return {
    last: results.slice(0, init.length),
    totals: results.slice(init.length, states),
    ys: results.slice(states, states + end - init.length),
  };
}

/** Applies the primitive; where it is recorded, it makes what its derivative will read, too. */
function applyLoop(inputs: readonly Tensor[], params: ScanParams): readonly Tensor[] {
  return applyMany(
    Scan,
    inputs,
    isRecorded(inputs) ? { ...params, body: augmented(params, inputs) } : params,
  );
}

/** One loop, taken apart. */
class Fission {
  readonly #loop: Loop;
  readonly #makers = new Map<Variable, ProgramNode>();
  /** Variables that are the same for all steps, or differ between them, but need no state. */
  readonly #fixed = new Set<Variable>();
  readonly #ofStep = new Set<Variable>();
  readonly #early = new Set<ProgramNode>();
  readonly #late = new Set<ProgramNode>();
  /** Values outside of the loop: the same for all steps, or those of all steps along a first axis. */
  readonly #outside = new Map<Variable, Lane>();

  constructor(loop: Loop) {
    this.#loop = loop;
    for (const node of loop.body.nodes) for (const y of node.outputs) this.#makers.set(y, node);
    const { consts, init, body } = loop;
    const rest = body.inputs.slice(consts.length + init.length);
    body.inputs.forEach((variable, i) => {
      if (i < consts.length) this.#outside.set(variable, { x: consts[i], isBatched: false });
    });
    rest.forEach((variable, i) => this.#outside.set(variable, { x: loop.xs[i], isBatched: true }));
    this.#sort(body.inputs.slice(0, consts.length), rest);
  }

  /** Decides what runs before the loop, and what behind it. */
  #sort(consts: readonly Variable[], xs: readonly Variable[]): void {
    const { nodes, outputs } = this.#loop.body;
    const carries = this.#loop.init.length;
    for (const variable of consts) this.#fixed.add(variable);
    for (const variable of xs) this.#ofStep.add(variable);
    const stateful = new Set(this.#loop.body.inputs.slice(consts.length, consts.length + carries));
    for (const { inputs, outputs: made } of nodes) {
      const into = inputs.some((v) => stateful.has(v))
        ? stateful
        : inputs.some((v) => this.#ofStep.has(v))
          ? this.#ofStep
          : inputs.some((v) => this.#fixed.has(v))
            ? this.#fixed
            : null;
      if (into !== null) for (const y of made) into.add(y);
    }

    const forEarly = new Set<Variable>();
    const forState = new Set(outputs.slice(0, carries));
    for (const node of nodes.toReversed()) {
      if (node.outputs.some((y) => forState.has(y))) node.inputs.forEach((v) => forState.add(v));
      const { work, bodies } = node.primitive;
      const [y] = node.outputs;
      const leaves =
        (work === "heavy" && bodies === undefined && (this.#fixed.has(y) || this.#ofStep.has(y))) ||
        (work === "pointwise" && this.#fixed.has(y)) ||
        node.outputs.some((v) => forEarly.has(v));
      if (leaves) {
        this.#early.add(node);
        for (const v of node.inputs) forEarly.add(v);
      }
    }

    const behind = new Set<Variable>();
    for (const node of nodes) {
      const { work, bodies } = node.primitive;
      const isOfSteps = node.outputs.some((y) => stateful.has(y) || this.#ofStep.has(y));
      const leaves =
        carries === 0 ||
        node.inputs.some((v) => behind.has(v)) ||
        (isOfSteps && ((work === "heavy" && bodies === undefined) || work === "layout"));
      if (leaves && !this.#early.has(node) && !node.outputs.some((y) => forState.has(y))) {
        this.#late.add(node);
        for (const y of node.outputs) behind.add(y);
      }
    }
  }

  run(): LoopResult {
    const { body, init, totals } = this.#loop;
    for (const node of body.nodes) if (this.#early.has(node)) this.#runOutside(node);
    const [carries, end] = [init.length, body.outputs.length - totals];
    const last = this.#runInside();
    return {
      last,
      ys: body.outputs.slice(carries, end).map((y) => this.#ofAllSteps(y)),
      totals: body.outputs.slice(end).map((y) => this.#total(y)),
    };
  }

  /** Runs what stays: the loop itself. What is read behind it is stacked, and becomes known outside. */
  #runInside(): readonly Tensor[] {
    const { body, init, steps, reverse, save } = this.#loop;
    const inside = new Set(
      body.nodes.filter((node) => !this.#early.has(node) && !this.#late.has(node)),
    );
    const carriesIn = body.inputs.slice(this.#loop.consts.length).slice(0, init.length);
    const isInside = (v: Variable): boolean =>
      carriesIn.includes(v) ||
      (this.#makers.has(v) && inside.has(this.#makers.get(v) as ProgramNode));
    const carriesOut = body.outputs.slice(0, init.length);
    const readBehind = [...this.#late].flatMap(({ inputs }) => inputs);
    const stacked = new Set(
      [...body.outputs.slice(init.length), ...readBehind].filter(
        (v) => isInside(v) && !this.#isConstant(v),
      ),
    );
    const read = new Set([...carriesOut, ...[...inside].flatMap(({ inputs }) => inputs)]);
    const given = [...read].filter((v) => this.#outside.has(v));
    const consts = given.filter((v) => this.#outside.get(v)?.isBatched === false);
    const xs = given.filter((v) => this.#outside.get(v)?.isBatched === true);
    if (init.length === 0 && stacked.size === 0) return [];
    const core: Program = {
      inputs: [...consts, ...carriesIn, ...xs],
      constants: [],
      nodes: [...inside],
      outputs: [...carriesOut, ...stacked],
    };
    const tensors = (list: readonly Variable[]): Tensor[] =>
      list.map((v) => (this.#outside.get(v) as Lane).x);
    const results = applyLoop([...tensors(consts), ...init, ...tensors(xs)], {
      body: core,
      steps,
      reverse,
      consts: consts.length,
      carries: init.length,
      save,
    });
    [...stacked].forEach((v, i) =>
      this.#outside.set(v, { x: results[init.length + i], isBatched: true }),
    );
    return results.slice(0, init.length);
  }

  /** Whether a variable depends on nothing that the loop is given. */
  #isConstant(v: Variable): boolean {
    const maker = this.#makers.get(v);
    return maker !== undefined && maker.inputs.every((x) => this.#isConstant(x));
  }

  /** A variable's value outside; what is not known yet is computed, for all steps at once. */
  #laneOf(v: Variable): Lane {
    if (!this.#outside.has(v)) this.#runOutside(this.#makers.get(v) as ProgramNode);
    return this.#outside.get(v) as Lane;
  }

  /** Runs an op outside of the loop: once, or for all steps at once. */
  #runOutside(node: ProgramNode): void {
    const lanes = node.inputs.map((v) => this.#laneOf(v));
    batching(this.#loop.steps, recordingLevel(), (batch) => {
      const read = lanes.map(({ x, isBatched }) => (isBatched ? exampleOf(x, batch) : x));
      runNode(node, read).forEach((y, i) => {
        const isBatched = y.examples?.batch === batch;
        this.#outside.set(node.outputs[i], { x: isBatched ? y.examples.full : y, isBatched });
      });
    });
  }

  /** A variable's values in all steps. */
  #ofAllSteps(v: Variable): Tensor {
    const { x, isBatched } = this.#laneOf(v);
    return isBatched ? x : broadcastTo(x, [this.#loop.steps, ...x.shape]);
  }

  /** The sum of a variable's values over all steps: taken as early as the ops that made it let it. */
  #total(v: Variable): Tensor {
    const node = this.#makers.get(v);
    const rule = node?.primitive.total;
    if (node !== undefined && rule !== undefined && this.#late.has(node)) {
      return rule(
        (i) => this.#laneOf(node.inputs[i]),
        (i) => this.#total(node.inputs[i]),
        node.params,
      );
    }
    const { x, isBatched } = this.#laneOf(v);
    return isBatched ? sum(x, { axes: 0 }) : mul(x, this.#loop.steps);
  }
}
