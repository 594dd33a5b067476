/**
 * @file Programs as lists of steps with few kernels: what is computed element by element becomes part of
 * the kernels that read it, and products and reductions take what follows them along.
 */
import {
  type AnyPrimitive,
  type KernelTable,
  type PrimitiveName,
  type Program,
  type ProgramNode,
  sizeOf,
  type Variable,
} from "@tapeloop/autograd/backend";
import type { GpuArray } from "../array.ts";
import type { Device } from "../device.ts";
import { kernelOf } from "../kernel.ts";
import { type AnyKernel, checkIndices, indexed, isForDevice } from "../kernels.ts";
import { isWithin, knownOf, type Range, type Ranged, rangeOf } from "../ranges.ts";
import { type Leaf, leafOf, opOf, type Value } from "../value.ts";
import { staged, type StagedName, stagedNames } from "../staged.ts";
import type { Step } from "./frame.ts";

/** What steps need of the backend. */
export interface Host {
  readonly device: Device;
  readonly kernels: KernelTable<GpuArray>;
}

/** A value, and what a kernel pays for it. */
interface Known {
  readonly value: Value;
  /** The slots that it reads. */
  readonly slots: ReadonlySet<number>;
  /** Its ops, as far as they are not in a slot; those that are used twice count twice. */
  readonly ops: number;
  /** Whether it has a product or a reduction inside. */
  readonly isHeavy: boolean;
  /** What is known of it, if it is of masks, or of whole numbers that kernels can have. */
  readonly range: Range | null;
  /** For whole numbers that follow from the program alone: the op that makes them on the host, for ops there. */
  readonly onHost?: ProgramNode;
}

/** Kernels get no longer than this. */
const mostOps = 200;

/** What a primitive wants its inputs to be: of each, whether it may be computed on the spot. */
const onTheSpot: { readonly [N in PrimitiveName]?: readonly boolean[] } = {
  // Each element is read about once.
  sum: [true],
  max: [true],
  argmax: [true],
  gather: [true, false],
  scatterAdd: [true, false],
  // Each element is read often.
  dotGeneral: [false, false],
  cumsum: [false],
  argsort: [false],
};

/** A program that becomes steps. */
export class Lowering {
  readonly host: Host;
  /** So far. */
  readonly steps: Step[] = [];
  readonly #known = new Map<Variable, Known>();
  readonly #uses: ReadonlyMap<Variable, number>;
  readonly #wanted: ReadonlySet<Variable>;
  #slots = 0;

  /**
   * A program, none of whose inputs is known yet.
   *
   * @param wanted - What must be in a slot at the end: it goes there as soon as it is known.
   */
  constructor(host: Host, program: Program, wanted: readonly Variable[]) {
    this.host = host;
    this.#uses = usesOf(program);
    this.#wanted = new Set(wanted);
  }

  /** A new slot. */
  slot(): number {
    return this.#slots++;
  }

  /** Says where a variable is, and what is known of it. */
  set(variable: Variable, leaf: Leaf, range: Range | null): void {
    const slots = new Set([leaf.source]);
    this.#known.set(variable, { value: leaf, slots, ops: 0, isHeavy: false, range });
  }

  /** What is known of a variable. */
  #of(variable: Variable): Known {
    return this.#known.get(variable) as Known;
  }

  /** The value of a variable, however much there is to be computed. */
  value(variable: Variable): Value {
    return this.#of(variable).value;
  }

  /** What is known of a variable's elements. */
  range(variable: Variable): Range | null {
    return this.#of(variable).range;
  }

  /** Whether a value is cheap enough to be computed wherever it is wanted. */
  isLight(variable: Variable): boolean {
    return !this.#of(variable).isHeavy;
  }

  /** Computes a variable into a slot, if it is not there. */
  inSlot(variable: Variable): Leaf {
    const { value, slots, range, onHost } = this.#of(variable);
    if (value.kind === "leaf") return value;
    if (onHost !== undefined) {
      this.#alone(onHost);
      const made = this.value(variable) as Leaf;
      this.set(variable, made, range);
      return made;
    }
    const slot = this.slot();
    const kernel = kernelOf(this.host.device, value);
    this.steps.push({
      what: value.name,
      reads: [...slots],
      writes: [slot],
      run: (frame) => frame.set(slot, kernel(frame.arrays)),
    });
    const leaf = leafOf(variable.type, slot, sizeOf(variable.type.shape));
    this.set(variable, leaf, range);
    return leaf;
  }

  /** An op whose results are computed where they are wanted; or, of those that stand alone, by a step. */
  add(node: ProgramNode): void {
    const { primitive, inputs, outputs, params } = node;
    const name = primitive.name as PrimitiveName;
    const ranged = inputs.map((x): Ranged => ({ ...x.type, range: this.#of(x).range }));
    const isHere = outputs.every(({ type }) => isForDevice(name, params, ranged, type));
    if (!isHere || new Set(inputs).size > this.host.device.mostInputs) {
      this.#alone(node);
      return;
    }
    if (primitive.work === "heavy") {
      const may = onTheSpot[name] as readonly boolean[];
      inputs.forEach((x, i) => {
        if (!(may[i] ? this.isLight(x) : isPlain(this.value(x)))) this.inSlot(x);
      });
      if (indexed.has(name)) this.#checkIndices(node);
    } else {
      for (const x of inputs) {
        const isRepeated = (this.#uses.get(x) as number) > 1 || grows(primitive, x, outputs[0]);
        if (isRepeated && !this.isLight(x)) this.inSlot(x);
      }
    }
    this.#fit(inputs);
    const known = inputs.map((x) => this.#of(x));
    const values = known.map(({ value }) => value);
    const slots = new Set(known.flatMap((each) => [...each.slots]));
    const ops = known.reduce((sum, each) => sum + each.ops, 1);
    const isHeavy = primitive.work === "heavy" || known.some((each) => each.isHeavy);
    const rest = { slots, ops, isHeavy };
    if (stagedNames.has(name) && this.#inStages(node, ranged, rest)) return;
    const isFree = slots.size === 0 && outputs.every(({ type }) => type.dtype === "int32");
    outputs.forEach((y, output) => {
      const value = opOf(name, params, values, y.type, output);
      const range = rangeOf(name, params, ranged, y.type);
      this.#known.set(y, { value, range, ...rest, ...(isFree && { onHost: node }) });
      if (this.#wanted.has(y)) this.inSlot(y);
    });
  }

  /** Adds an op that takes two kernels; false if one will do. */
  #inStages(
    { primitive, inputs, outputs, params }: ProgramNode,
    ranged: readonly Ranged[],
    known: Omit<Known, "value" | "range">,
  ): boolean {
    const [y] = outputs;
    const name = primitive.name as StagedName;
    const stages = staged(name, this.value(inputs[0]), params, y.type);
    if (stages === null) return false;
    const { shape, dtype } = stages.first;
    const between: Variable = { id: -1, type: { shape, dtype } };
    this.#known.set(between, { ...known, range: null, value: stages.first });
    const made = this.inSlot(between);
    const value = stages.second(made);
    const range = rangeOf(name, params, ranged, y.type);
    this.#known.set(y, { value, range, slots: new Set([made.source]), ops: 2, isHeavy: true });
    if (this.#wanted.has(y)) this.inSlot(y);
    return true;
  }

  /** Computes inputs into slots until a kernel can take them all. */
  #fit(inputs: readonly Variable[]): void {
    const { mostInputs } = this.host.device;
    for (;;) {
      const known = [...new Set(inputs)].map((x) => [x, this.#of(x)] as const);
      const slots = new Set(known.flatMap(([, each]) => [...each.slots])).size;
      const ops = known.reduce((sum, [, each]) => sum + each.ops, 0);
      const open = known.filter(([, { value }]) => value.kind === "op");
      if (open.length === 0 || (slots <= mostInputs && ops <= mostOps)) return;
      const cost = ([, each]: (typeof open)[number]): number =>
        slots > mostInputs ? each.slots.size : each.ops;
      this.inSlot(open.reduce((a, b) => (cost(b) > cost(a) ? b : a))[0]);
    }
  }

  /** A step that looks at indices before they are used, unless they are known to be right. */
  #checkIndices({ primitive, inputs, params }: ProgramNode): void {
    const { axis, size } = params as { readonly axis: number; readonly size?: number };
    const [x, indices] = inputs;
    const most = size ?? x.type.shape[axis];
    if (isWithin(this.range(indices), most)) return;
    const { source } = this.inSlot(indices);
    this.steps.push({
      what: "check indices",
      reads: [source],
      writes: [],
      run: ({ device, arrays }) => checkIndices(device, primitive.name, arrays[source], axis, most),
    });
  }

  /** A step that runs an op's own kernel. */
  #alone({ primitive, inputs, outputs, params }: ProgramNode): void {
    const read = inputs.map((x) => this.inSlot(x).source);
    const written = outputs.map((y) => this.#fresh(y));
    const types = outputs.map(({ type }) => type);
    const kernel = this.host.kernels[primitive.name as PrimitiveName] as AnyKernel;
    const isOne = primitive.results === "one";
    this.steps.push({
      what: primitive.name,
      reads: read,
      writes: written,
      run: (frame) => {
        const made = kernel(
          read.map((slot) => frame.arrays[slot]),
          params,
          isOne ? types[0] : types,
        );
        const arrays = (isOne ? [made] : made) as readonly GpuArray[];
        arrays.forEach((array, i) => frame.setWhole(written[i], array));
      },
    });
  }

  /** A slot for a variable that some step will fill with all elements of a memory. */
  #fresh(variable: Variable): number {
    const slot = this.slot();
    const leaf = leafOf(variable.type, slot, sizeOf(variable.type.shape));
    this.set(variable, leaf, knownOf(variable.type));
    return slot;
  }
}

/** Movements that are nothing but another way to count places. */
const plain: ReadonlySet<string> = new Set<PrimitiveName>([
  "alias",
  "broadcastTo",
  "fill",
  "iota",
  "permute",
  "reshape",
  "slice",
  "split",
]);

/** Whether a value is elements of a slot, moved. */
function isPlain(value: Value): boolean {
  return value.kind === "leaf" || (plain.has(value.name) && value.inputs.every(isPlain));
}

/** Whether a movement repeats elements. */
function grows(primitive: AnyPrimitive, x: Variable, y: Variable): boolean {
  if (primitive.work !== "layout" || primitive.name === "concat") return false;
  return sizeOf(y.type.shape) > sizeOf(x.type.shape);
}

/**
 * In how many kernels each variable would be computed, if everything were computed where it is wanted but
 * for what has a product inside and is wanted twice.
 */
function usesOf({ nodes, outputs, inputs, constants }: Program): ReadonlyMap<Variable, number> {
  const light = new Set([...inputs, ...constants.map(({ variable }) => variable)]);
  for (const node of nodes) {
    const isLight = node.primitive.work !== "heavy" && node.inputs.every((x) => light.has(x));
    if (isLight) for (const y of node.outputs) light.add(y);
  }
  const uses = new Map<Variable, number>();
  const use = (x: Variable, times: number): void => void uses.set(x, (uses.get(x) ?? 0) + times);
  for (const y of outputs) use(y, 1);
  for (const { primitive, inputs: read, outputs: made } of nodes.toReversed()) {
    const times = made.reduce((sum, y) => sum + (uses.get(y) ?? 0), 0);
    const isSpread = primitive.work !== "heavy" && (made.length > 1 || light.has(made[0]));
    for (const x of read) use(x, isSpread ? times : Math.min(1, times));
  }
  return uses;
}
