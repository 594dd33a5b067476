/** @file Running programs on a backend's arrays: kernel after kernel, every array let go of after its last use. */
import type { Backend, CompiledProgram } from "../backend.ts";
import { kernelOf, wrap } from "../interpreters/eager.ts";
import { type CondParams, decided } from "../primitives/cond.ts";
import type { ScanParams } from "../primitives/scan.ts";
import { checkSteps, type WhileParams } from "../primitives/while.ts";
import type { TensorType } from "../shape.ts";
import { donation, type Tensor } from "../tensor.ts";
import type { Program, Variable } from "./program.ts";

/** What is needed of a backend to run programs. */
export type Machine<V> = Pick<
  Backend<V>,
  "name" | "kernels" | "memoryOf" | "readSync" | "release" | "compile"
>;

/** Arrays that are in use, counted by the memory that they look at. */
class Holding<V> {
  readonly #machine: Machine<V>;
  readonly #counts = new Map<object, number>();

  constructor(machine: Machine<V>) {
    this.#machine = machine;
  }

  /** One more use. */
  hold(value: V): V {
    const memory = this.#machine.memoryOf(value);
    this.#counts.set(memory, (this.#counts.get(memory) ?? 0) + 1);
    return value;
  }

  /** One use fewer; with the last one the memory goes back. */
  drop(value: V): void {
    const memory = this.#machine.memoryOf(value);
    const left = (this.#counts.get(memory) ?? 0) - 1;
    this.#counts.set(memory, left);
    if (left === 0) this.#machine.release?.(memory);
  }
}

/** What is let go of after each node: the variables that it is the last to read or make. */
function lastUses(
  { inputs, constants, nodes, outputs }: Program,
  donated: readonly number[],
): Variable[][] {
  const kept = inputs.filter((_, i) => !donated.includes(i));
  const seen = new Set([...kept, ...constants.map(({ variable }) => variable), ...outputs]);
  const dead = nodes.toReversed().map((node) => {
    const touched = new Set(node.inputs.concat(node.outputs));
    const last = [...touched].filter((variable) => !seen.has(variable));
    for (const variable of last) seen.add(variable);
    return last;
  });
  return dead.toReversed();
}

/** A program as a function of arrays. */
function runner<V>(
  program: Program,
  machine: Machine<V>,
  donated: readonly number[] = [],
): CompiledProgram<V> {
  const { nodes, outputs } = program;
  const dead = lastUses(program, donated);
  const needed = new Set([...outputs, ...nodes.flatMap(({ inputs }) => inputs)]);
  const unread = donated.filter((i) => !needed.has(program.inputs[i]));
  const kernels = nodes.map(({ primitive }) => kernelOf<unknown>(machine, primitive.name));
  return (inputs, constants, given = []) => {
    const holding = new Holding(machine);
    // What is not given away after all stays somebody's.
    for (const i of donated) if (!given.includes(i)) holding.hold(inputs[i]);
    const values = new Map<Variable, V>();
    const set = (variable: Variable, value: V): void => {
      values.set(variable, holding.hold(value));
    };
    program.inputs.forEach((variable, i) => set(variable, inputs[i]));
    program.constants.forEach(({ variable }, i) => set(variable, constants[i]));
    for (const i of unread) holding.drop(inputs[i]);
    nodes.forEach((node, i) => {
      const read = node.inputs.map((variable) => values.get(variable));
      if (node.primitive.results === "one") {
        const [y] = node.outputs;
        set(y, kernels[i](read, node.params, y.type) as V);
      } else {
        const types = node.outputs.map(({ type }) => type);
        const made = kernels[i](read, node.params, types) as readonly V[];
        node.outputs.forEach((y, k) => set(y, made[k]));
      }
      for (const variable of dead[i]) {
        holding.drop(values.get(variable) as V);
        values.delete(variable);
      }
    });
    return outputs.map((variable) => values.get(variable) as V);
  };
}

/**
 * A program made ready to run on a backend, as a function of tensors.
 *
 * @param donated - Places of the inputs that are gone after a run. Their memory is the run's to use, if no
 *   other tensor looks at it.
 */
export function prepare(
  program: Program,
  backend: Backend,
  donated: readonly number[],
): (inputs: readonly Tensor[]) => readonly Tensor[] {
  const { constants, outputs } = program;
  const run = backend.compile?.(program, donated) ?? runner(program, backend, donated);
  return (inputs) => {
    const arrays = inputs.map(({ array }) => array);
    const given = donated.filter((i) => inputs[i].storage?.isShared === false);
    // The same tensor at two places is given away once.
    const spare = given.map((i) => inputs[i].surrender()).filter((storage) => storage !== null);
    const owners = inputs.filter(({ isDisposed }) => !isDisposed);
    const fixed = constants.map(({ tensor }) => tensor);
    const made = run(
      arrays,
      fixed.map(({ array }) => array),
      given,
    );
    // Results may look at the memory of inputs, of constants, and of one another, or have what was given.
    owners.push(...fixed);
    const results = outputs.map((variable, i) => {
      const result = wrap(backend, made[i], variable.type, owners, spare);
      owners.push(result);
      return result;
    });
    for (const i of donated) inputs[i].release(donation);
    return results;
  };
}

const runners = new WeakMap<object, WeakMap<Program, unknown>>();

/** The body of a loop, or a branch, as a function of arrays, made ready once for each machine. */
function bodyOn<V>(machine: Machine<V>, body: Program): ReturnType<typeof runner<V>> {
  const known = runners.get(machine) ?? new WeakMap<Program, unknown>();
  runners.set(machine, known);
  const run = (known.get(body) ?? machine.compile?.(body) ?? runner(body, machine)) as ReturnType<
    typeof runner<V>
  >;
  known.set(body, run);
  return run;
}

/**
 * The kernel of `scan` for backends that have none of their own: the body, kernel by kernel, for one
 * step after the other.
 */
export function runScan<V>(
  machine: Machine<V>,
  inputs: readonly V[],
  params: ScanParams,
  types: readonly TensorType[],
): readonly V[] {
  const { body, steps, reverse, consts, carries } = params;
  const run = bodyOn(machine, body);
  const { slice, reshape, concat, fill } = machine.kernels;
  const holding = new Holding(machine);
  for (const value of inputs) holding.hold(value);
  const fixed = inputs.slice(0, consts);
  const firstX = consts + carries;
  let state = inputs.slice(consts, firstX).map((value) => holding.hold(value));
  const columns: V[][] = types.slice(carries).map(() => []);
  for (let i = 0; i < steps; i++) {
    const t = reverse ? steps - 1 - i : i;
    const xs = inputs.slice(firstX).map((value, k) => {
      const { shape, dtype } = body.inputs[firstX + k].type;
      const sizes = [1, ...shape];
      const place = { starts: sizes.map((_, axis) => (axis === 0 ? t : 0)), sizes };
      const row = slice([value], { ...place, steps: sizes.map(() => 1) }, { shape: sizes, dtype });
      return holding.hold(reshape([row], { shape }, { shape, dtype }));
    });
    const made = run([...fixed, ...state, ...xs], []);
    const next = made.slice(0, carries).map((value) => holding.hold(value));
    made.slice(carries).forEach((value, k) => {
      const { shape, dtype } = body.outputs[carries + k].type;
      const sizes = [1, ...shape];
      holding.hold(value);
      columns[k][t] = holding.hold(reshape([value], { shape: sizes }, { shape: sizes, dtype }));
      holding.drop(value);
    });
    for (const value of [...state, ...xs]) holding.drop(value);
    state = next;
  }
  const ys = columns.map((column, k) => {
    const type = types[carries + k];
    if (steps === 0) return fill([], { ...type, value: 0 }, type);
    const y = holding.hold(concat(column, { axis: 0 }, type));
    for (const value of column) holding.drop(value);
    return y;
  });
  return [...state, ...ys];
}

/** The type of what decides. */
const mask: TensorType = { shape: [], dtype: "bool" };

/** The kernel of `cond` for backends that have none of their own: reads the predicate, and runs one branch. */
export function runCond<V>(
  machine: Machine<V>,
  [predicate, ...operands]: readonly V[],
  { ifTrue, ifFalse }: CondParams,
): readonly V[] {
  const isTrue = decided("cond", () => machine.readSync(predicate, mask)[0]);
  return bodyOn(machine, isTrue ? ifTrue : ifFalse)(operands, []);
}

/** The kernel of `whileLoop` for backends that have none of their own: reads the condition before each step. */
export function runWhile<V>(
  machine: Machine<V>,
  inputs: readonly V[],
  params: WhileParams,
): readonly V[] {
  const [decide, step] = [params.condition, params.body].map((body) => bodyOn(machine, body));
  const holding = new Holding(machine);
  for (const value of inputs) holding.hold(value);
  const fixed = inputs.slice(0, params.consts);
  let state = inputs.slice(params.consts).map((value) => holding.hold(value));
  for (let steps = 0; ; steps++) {
    const [more] = decide([...fixed, ...state], []).map((value) => holding.hold(value));
    const isGoingOn = decided("whileLoop", () => machine.readSync(more, mask)[0]);
    holding.drop(more);
    if (!isGoingOn) return state;
    checkSteps(steps, params);
    const next = step([...fixed, ...state], []).map((value) => holding.hold(value));
    for (const value of state) holding.drop(value);
    state = next;
  }
}
