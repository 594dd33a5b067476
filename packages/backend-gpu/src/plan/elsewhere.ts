/** @file Which ops of a program will run on the other backend, as far as that is known before it runs. */
import type { PrimitiveName, Program, ProgramNode, Variable } from "@tapeloop/autograd/backend";
import { isForDevice } from "../kernels.ts";
import { knownOf, mask, type Range, type Ranged, rangeOf } from "../ranges.ts";

/** What is known of a variable: its range, and where it is. */
interface Known {
  readonly range: Range | null;
  /** Kernels have whole numbers that follow from the program alone written in, and the host makes them, too. */
  readonly place: "device" | "host" | "both";
}

/**
 * Ops that run on the other backend: how many of each, by name, those in bodies counted once. Whole numbers and masks
 * that come from outside are taken to be on the host, and small enough for float32.
 */
export function elsewhereIn(program: Program): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  count(program, counts);
  return Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Adds the ops of a program and of the programs in it. */
function count({ inputs, constants, nodes, outputs }: Program, counts: Map<string, number>): void {
  const known = new Map<Variable, Known>();
  for (const v of [...inputs, ...constants.map(({ variable }) => variable)]) {
    const place = v.type.dtype === "float32" ? "device" : "host";
    known.set(v, { range: knownOf(v.type), place });
  }
  const places = nodes.map((node) => {
    const place = placeOf(node, known);
    for (const body of node.primitive.bodies?.of(node.params) ?? []) count(body, counts);
    return place;
  });
  // What could be made in both places is made where it is wanted.
  const wanted = new Set(outputs);
  nodes.toReversed().forEach(({ primitive, inputs: read, outputs: made }, i) => {
    const place = places.at(-1 - i);
    const isOnHost = place === "host" || (place === "both" && made.some((y) => wanted.has(y)));
    if (!isOnHost) return;
    for (const x of read) wanted.add(x);
    // They compute nothing.
    if (primitive.isView === true || primitive.name === "fill") return;
    counts.set(primitive.name, (counts.get(primitive.name) ?? 0) + 1);
  });
}

/** Where an op runs; notes what is known of its results. */
function placeOf(
  { primitive, inputs, params, outputs }: ProgramNode,
  known: Map<Variable, Known>,
): Known["place"] {
  const name = primitive.name as PrimitiveName;
  const read = inputs.map((x) => known.get(x) as Known);
  const set = (
    place: Known["place"],
    rangeOfResult: (y: Variable) => Range | null,
  ): typeof place => {
    for (const y of outputs) known.set(y, { place, range: rangeOfResult(y) });
    return place;
  };
  // Bodies run here, and where what they hand out is depends on them.
  if (primitive.bodies !== undefined) return set("device", ({ type }) => knownOf(type));
  const typesWith = (unknown: Range | null): Ranged[] =>
    inputs.map(({ type: { shape, dtype } }, i) => {
      return { shape, dtype, range: read[i].range ?? (dtype === "int32" ? unknown : null) };
    });
  const ranged = typesWith(null);
  const range = (y: Variable): Range | null => rangeOf(name, params, ranged, y.type);
  const types = new Set([...inputs, ...outputs].map(({ type }) => type.dtype));
  const isFree = read.every(({ place }) => place === "both");
  if (isFree && outputs.every(({ type }) => type.dtype === "int32")) return set("both", range);
  const isWhole = types.has("int32") && !types.has("float32");
  const stays = isWhole && read.every(({ place }) => place !== "device");
  const assumed = typesWith(mask);
  const isHere = outputs.every(({ type }) => isForDevice(name, params, assumed, type));
  return set(isHere && !stays ? "device" : "host", range);
}
