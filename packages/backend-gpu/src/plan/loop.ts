/**
 * @file Loops: the body's steps, again and again. What is kept of every step is put together at the end;
 * and what follows from it is computed then, for all steps at once.
 */
import {
  type Program,
  type ProgramNode,
  rowMajorStrides,
  type ScanParams,
  type Shape,
  sizeOf,
  type Variable,
} from "@tapeloop/autograd/backend";
import type { GpuArray } from "../array.ts";
import { kernelOf, type ValueKernel } from "../kernel.ts";
import { knownOf } from "../ranges.ts";
import { type Leaf, leafOf, replaced } from "../value.ts";
import { Frame, withLastUses } from "./frame.ts";
import { Lowering } from "./lowering.ts";

/** What a slot of the body holds in each step. */
interface Kept {
  readonly slot: number;
  /** Which state it is, if it is one: what was before the first step is then kept, too. */
  readonly state: number | null;
  readonly shape: Shape;
  /** How many there are of it. */
  readonly pieces: number;
}

/** How an output is made: a part of what is kept, or computed from that for all steps. */
type Output = { readonly part: Leaf; readonly of: number } | { readonly kernel: ValueKernel };

/** What is kept of a loop's steps. The slots of its body's inputs are their places among them. */
class Keeping {
  readonly list: Kept[] = [];
  readonly #params: ScanParams;
  readonly #next: readonly number[];

  /** Nothing yet; given are the slots that hold the states for the next step. */
  constructor(params: ScanParams, next: readonly number[]) {
    this.#params = params;
    this.#next = next;
  }

  /** Where what is kept begins, behind the loop's inputs. */
  get first(): number {
    return this.#params.body.inputs.length;
  }

  /** Whether a slot is one of the body's inputs that are not states. */
  isGiven(slot: number): boolean {
    const { consts, carries, body } = this.#params;
    return slot < consts || (slot >= consts + carries && slot < body.inputs.length);
  }

  /** Keeps a slot; the answer says where, and how many elements stand in front. */
  #keep({ source, shape }: Leaf): readonly [at: number, start: number] {
    const { consts, carries, steps, reverse } = this.#params;
    const isBefore = source >= consts && source < consts + carries;
    const state = isBefore ? source - consts : this.#next.indexOf(source);
    const slot = isBefore ? this.#next[state] : source;
    let at = this.list.findIndex(
      (kept) => kept.slot === slot && kept.state === (state < 0 ? null : state),
    );
    if (at < 0) {
      const isState = state >= 0;
      const kept = {
        slot,
        shape,
        state: isState ? state : null,
        pieces: isState ? steps + 1 : steps,
      };
      at = this.list.push(kept) - 1;
    }
    // The first state stands in front; behind all others where the last step comes first.
    const isMoved = state >= 0 && isBefore === reverse;
    return [at, isMoved ? sizeOf(shape) : 0];
  }

  /** A slot of the body as it is in all steps, among the loop's inputs and what is kept behind them. */
  ofAll(leaf: Leaf): Leaf {
    const size = sizeOf(leaf.shape);
    if (this.isGiven(leaf.source)) {
      return leaf.source < this.#params.consts ? leaf : { ...leaf, step: size };
    }
    const [at, start] = this.#keep(leaf);
    return {
      ...leaf,
      source: this.first + at,
      size: size * this.list[at].pieces,
      offset: start,
      step: size,
    };
  }
}

/** A view of a part of an array with one more axis. */
function viewOf({ memory, dtype }: GpuArray, shape: Shape, offset: number): GpuArray {
  return { shape, dtype, memory, offset, strides: rowMajorStrides(shape) };
}

/** One row of an array. */
function rowOf(x: GpuArray, row: number): GpuArray {
  const shape = x.shape.slice(1);
  return viewOf(x, shape, x.offset + row * sizeOf(shape));
}

/** Adds a loop; its body is lowered by the function given. */
export function addLoop(
  outer: Lowering,
  node: ProgramNode,
  params: ScanParams,
  lower: (lowering: Lowering, program: Program) => void,
): void {
  const { body, steps, reverse, consts, carries } = params;
  const { host } = outer;
  const given = node.inputs.map((x) => outer.inSlot(x));
  const inner = new Lowering(host, body, body.outputs.slice(0, carries));
  body.inputs.forEach((v, i) => {
    const whole = leafOf(v.type, inner.slot(), sizeOf(v.type.shape));
    const range = outer.range(node.inputs[i]);
    if (i < consts) inner.set(v, { ...given[i], source: i }, range);
    else if (i < consts + carries) inner.set(v, whole, knownOf(v.type));
    else inner.set(v, { ...whole, size: given[i].size, offset: "given" }, range);
  });
  lower(inner, body);
  const next = body.outputs.slice(0, carries).map((v) => inner.inSlot(v).source);
  const keeping = new Keeping(params, next);
  const outputs = body.outputs.slice(carries).map((v) => outputOf(inner, keeping, v, steps));
  const made = [...new Set([...next, ...keeping.list.map(({ slot }) => slot)])].filter(
    (slot) => slot >= body.inputs.length,
  );
  const run = withLastUses(inner.steps, new Set([...body.inputs.keys(), ...made]));

  const written = node.outputs.map((y, i) => {
    const slot = outer.slot();
    const output = outputs[i - carries];
    const whole = leafOf(y.type, slot, sizeOf(y.type.shape));
    const isPart = i >= carries && "part" in output;
    const leaf = isPart ? { ...whole, size: output.part.size, offset: output.part.offset } : whole;
    outer.set(y, leaf, knownOf(y.type));
    return slot;
  });

  outer.steps.push({
    what: `loop of ${steps}`,
    reads: given.map(({ source }) => source),
    writes: written,
    run: (frame) => {
      const { device, holding } = frame;
      const arrays = given.map(({ source }) => frame.arrays[source]);
      const local = new Frame(device, holding);
      arrays.slice(0, consts).forEach((array, i) => local.set(i, array));
      arrays.slice(consts, consts + carries).forEach((x, i) => local.setWhole(consts + i, x));
      const pieces: GpuArray[][] = keeping.list.map(() => []);
      const keep = (k: number, place: number, array: GpuArray): void => {
        holding.hold(array);
        pieces[k][place] = array;
      };
      keeping.list.forEach(({ state }, k) => {
        if (state !== null) keep(k, reverse ? steps : 0, local.arrays[consts + state]);
      });
      for (let i = 0; i < steps; i++) {
        const t = reverse ? steps - 1 - i : i;
        for (let k = consts + carries; k < arrays.length; k++) local.set(k, rowOf(arrays[k], t));
        run(local);
        const ready = next.map((slot) => local.arrays[slot]);
        for (const array of ready) holding.hold(array);
        keeping.list.forEach(({ slot, state }, k) =>
          keep(k, state === null || reverse ? t : t + 1, local.arrays[slot]),
        );
        for (let k = consts; k < arrays.length; k++) local.drop(k);
        for (const slot of made) local.drop(slot);
        ready.forEach((array, k) => local.setWhole(consts + k, array));
        for (const array of ready) holding.drop(array);
      }
      const all = pieces.map((list, k) => joined(list, keeping.list[k].shape));
      const sources = [...arrays, ...all];
      outputs.forEach((output, k) => {
        const { shape } = node.outputs[carries + k].type;
        const slot = written[carries + k];
        if ("kernel" in output) frame.set(slot, output.kernel(sources));
        else frame.set(slot, viewOf(all[output.of], shape, output.part.offset as number));
      });
      for (let i = 0; i < carries; i++) frame.set(written[i], local.arrays[consts + i]);
      for (let i = 0; i < consts + carries; i++) local.drop(i);
      for (const array of [...pieces.flat(), ...all]) holding.drop(array);

      function joined(list: readonly GpuArray[], shape: Shape): GpuArray {
        const rows = list.map((x) => ({ ...x, shape: [1, ...shape], strides: [0, ...x.strides] }));
        const type = { shape: [list.length, ...shape], dtype: list[0].dtype };
        const array = host.kernels.concat(rows, { axis: 0 }, type);
        holding.hold(array);
        return array;
      }
    },
  });
}

/** How an output of the body becomes one of the loop. */
function outputOf(inner: Lowering, keeping: Keeping, v: Variable, steps: number): Output {
  const isComputed = inner.isLight(v) && inner.value(v).kind === "op";
  const leaf = isComputed ? null : inner.inSlot(v);
  if (leaf !== null && !keeping.isGiven(leaf.source)) {
    const part = keeping.ofAll(leaf);
    return { part, of: part.source - keeping.first };
  }
  const value = replaced(inner.value(v), (each) => keeping.ofAll(each));
  return { kernel: kernelOf(inner.host.device, value, steps) };
}
