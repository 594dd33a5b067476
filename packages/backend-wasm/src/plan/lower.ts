/** @file Every op of a program, as views, as functions that wait, or as steps. */
import {
  type ConcatParams,
  type DotAxes,
  type FillParams,
  type Movement,
  type PadParams,
  permuted,
  type PermuteParams,
  type PrimitiveName,
  type Program,
  type ProgramNode,
  ranged,
  type ReduceParams,
  repeated,
  reshaped,
  type ScanParams,
  type ShapeParams,
  sizeOf,
  sliced,
  type SliceParams,
  type SplitParams,
  type Variable,
  type View,
} from "@tapeloop/autograd/backend";
import { isRowMajor } from "../array.ts";
import { lanesFor, mostLanes } from "../elementwise.ts";
import { type PointwiseName, pointwiseOf } from "../pointwise.ts";
import type { Reduction } from "../folds.ts";
import { blocks } from "../reductions.ts";
import { lowerContraction } from "./contraction.ts";
import { kernelStep, reduceStep } from "./kernel-steps.ts";
import { isShort, replaced } from "./leaves.ts";
import { lowerScan } from "./loop.ts";
import type { Lowering } from "./lowering.ts";
import { type Place, placeOf } from "./place.ts";
import { areSame, rowsOf } from "./rows.ts";
import { kernelShape } from "./waiting.ts";

/** Makes the steps of all ops of a program. */
export function lowerProgram(to: Lowering, { nodes }: Program): void {
  const isDone = ({ outputs: [y] }: ProgramNode): boolean => to.known(y) !== null;
  // What is given is looked at in all layouts from the start: an op may be done together with the one
  // before, whose result it reads, if all else is there.
  for (const node of nodes) {
    const isMovement = movements.has(node.primitive.name) && to.known(node.inputs[0]) !== null;
    if (isMovement) lower(to, node);
  }
  for (const node of nodes) if (!isDone(node)) lower(to, node);
}

const movements: ReadonlySet<string> = new Set(["alias", "permute", "broadcastTo", "slice"]);

function lower(to: Lowering, node: ProgramNode): void {
  const { primitive, inputs, outputs } = node;
  const isEmpty = [...inputs, ...outputs].some(({ type }) => sizeOf(type.shape) === 0);
  const special = rules[primitive.name as PrimitiveName];
  if (isEmpty) alone(to, node);
  else if (primitive.work === "pointwise") wait(to, node);
  else if (special === undefined || special(to, node) === false) alone(to, node);
}

/** How ops become part of a plan that are not functions of single elements; false where they do not. */
type Rule = (to: Lowering, node: ProgramNode) => boolean | void;

const rules: { readonly [N in PrimitiveName]?: Rule } = {
  fill: (to, { outputs: [y], params }) => {
    to.set(y, { kind: "filled", ...y.type, value: (params as FillParams).value });
  },
  alias: (to, node) => look(to, node, (view) => view),
  reshape: (to, node) => look(to, node, reshaped((node.params as ShapeParams).shape)),
  permute: (to, node) => look(to, node, permuted((node.params as PermuteParams).axes)),
  broadcastTo: (to, node) => look(to, node, repeated((node.params as ShapeParams).shape)),
  slice: (to, node) => {
    const { starts, sizes, steps } = node.params as SliceParams;
    look(to, node, sliced(starts, sizes, steps));
  },
  split: (to, { inputs: [x], outputs, params }) => {
    const { axis, sizes } = params as SplitParams;
    const isOnly = to.isReadOnce(x);
    let start = 0;
    sizes.forEach((size, i) => {
      lookAs(to, x, outputs[i], ranged(axis, start, size), isOnly);
      start += size;
    });
    to.used(x);
  },
  concat,
  pad,
  dotGeneral: (to, node) => {
    const { dtype } = node.outputs[0].type;
    if (dtype !== "float32" && dtype !== "float64") return false;
    lowerContraction(to, node, node.params as DotAxes);
    return true;
  },
  sum: (to, node) => reduce(to, node, "sum"),
  max: (to, node) => reduce(to, node, "max"),
  scan: (to, node) => {
    const params = node.params as ScanParams;
    if (params.steps === 0) return false;
    lowerScan(to, node, params, lowerProgram);
    return true;
  },
};

// Movements

/** Another layout of the op's input. */
function look(to: Lowering, { inputs: [x], outputs: [y] }: ProgramNode, movement: Movement): void {
  const isSame = sizeOf(x.type.shape) === sizeOf(y.type.shape);
  lookAs(to, x, y, movement, isSame && to.isReadOnce(x));
  to.used(x);
}

/**
 * Another layout of x. What waits is looked at in that layout, too, as long as it need not be computed twice
 * for that; else it is computed first. Elements are copied if there is no such layout of them.
 *
 * @param isOnce - Whether nobody will see an element of x twice.
 */
function lookAs(to: Lowering, x: Variable, y: Variable, movement: Movement, isOnce: boolean): void {
  const value = to.value(x);
  if (value.kind === "filled") {
    to.set(y, { ...value, ...y.type });
    return;
  }
  const isRepeated = sizeOf(y.type.shape) > sizeOf(x.type.shape);
  const isCheap = value.kind === "lazy" && (isOnce || isShort(value.expression));
  // What is of rows is computed once for each row, however it is looked at.
  if (value.kind === "lazy" && (value.rows !== null || (!isRepeated && isCheap))) {
    const moved = to.leaves.moved(value, movement);
    if (moved !== null) {
      to.set(y, moved);
      return;
    }
  }
  const place = to.place(x);
  const from = movement(place) === null ? to.dense(place) : place;
  to.set(y, { ...from, ...(movement(from) as View) });
}

/** Pieces are written side by side from the start, where they are not in memory yet. */
function concat(to: Lowering, { inputs, outputs: [y], params }: ProgramNode): void {
  const { axis } = params as ConcatParams;
  const whole = to.room(y);
  let start = 0;
  const pieces = inputs.map((x): Place => {
    const size = x.type.shape[axis];
    const piece = { ...whole, ...ranged(axis, start, size)(whole) };
    start += size;
    if (to.value(x).kind === "lazy" && to.isReadOnce(x)) to.want(x, piece);
    return piece;
  });
  inputs.forEach((x, i) => {
    to.bring(x, pieces[i]);
    to.used(x);
  });
  to.set(y, whole);
}

function pad(to: Lowering, { inputs: [x], outputs: [y], params }: ProgramNode): void {
  const { spans, value } = params as PadParams;
  const whole = to.room(y);
  to.fill(whole, value);
  const inside = sliced(
    spans.map(({ before }) => before),
    x.type.shape,
    spans.map(({ between }) => between + 1),
  );
  to.bring(x, { ...whole, ...inside(whole) });
  to.used(x);
  to.set(y, whole);
}

// Others

/** Lets a function of single elements wait. */
function wait(to: Lowering, { primitive, inputs, outputs: [y] }: ProgramNode): void {
  const types = inputs.map(({ type }) => type.dtype);
  const { value } = pointwiseOf(primitive.name as PointwiseName, types, y.type.dtype);
  const isWide = lanesFor([...types, y.type.dtype]) === 2 || inputs.some((x) => to.isWide(x));
  to.meet(inputs, isWide);
  const rows = to.rowsOf(inputs);
  to.makeRoom(kernelShape({ ...y.type, rows }));
  const operands = inputs.map((x) => to.operand(x));
  const expression = replaced(value, (i) => operands[i]);
  const lanes = isWide ? 2 : mostLanes;
  for (const x of inputs) to.used(x);
  to.set(y, { kind: "lazy", ...y.type, lanes, expression, rows: to.rowsOf(inputs) });
}

/** Reduces axes that stand together: as a part of the kernel that computes what is reduced, if they are rows. */
function reduce(to: Lowering, node: ProgramNode, name: Reduction): boolean {
  const {
    inputs: [x],
    outputs: [y],
    params,
  } = node;
  const sizes = blocks(x.type.shape, (params as ReduceParams).axes);
  if (sizes === null) return false;
  if (waitForRows(to, node, name, sizes)) return true;
  const place = to.place(x);
  to.used(x);
  const from = isRowMajor(place) ? place : to.dense(place);
  // Whole vectors are written: not to where something else may stand behind.
  const result = placeOf(y.type, to.buffer(y.type));
  to.steps.push(reduceStep(to.host, to, name, result, from, sizes));
  to.set(y, result);
  return true;
}

/** Lets a reduction wait with functions of the elements of its rows; false if it must be a step of its own. */
function waitForRows(
  to: Lowering,
  { inputs: [x], outputs: [y] }: ProgramNode,
  name: Reduction,
  [count, length, inner]: readonly [number, number, number],
): boolean {
  // Where rows are shorter than a vector, functions of elements are faster without them.
  if (inner !== 1 || length < mostLanes || to.value(x).kind === "filled") return false;
  // Rows are visited four elements at a time.
  if (x.type.dtype !== "float32" || to.isWide(x)) return false;
  const rows = rowsOf(x.type.shape, length);
  to.makeRows(rows);
  to.makeRoom(rows.shape);
  const own = to.rowsOf([x]);
  if (own !== null && !areSame(own, rows)) to.place(x);
  const of = to.operand(x);
  if (!to.leaves.joins(of, rows.axis)) return false;
  // Threads share rows: rather the elements, if there are more of these to share.
  let parts = 1;
  to.leaves.visit(of, () => parts++);
  const { machine } = to.host;
  const operations = parts * count * length;
  if (machine.cut(count, operations).length < machine.cut(count * length, operations).length) {
    return false;
  }
  to.used(x);
  const expression = to.leaves.reduced({ kind: "reduced", name, rows, of });
  to.set(y, { kind: "lazy", ...y.type, lanes: mostLanes, expression, rows });
  return true;
}

/** Runs an op by its own kernel. */
function alone(to: Lowering, node: ProgramNode): void {
  const places = node.inputs.map((x) => to.place(x));
  for (const x of node.inputs) to.used(x);
  const { step, results } = kernelStep(to.host, to, node, places);
  to.steps.push(step);
  node.outputs.forEach((y, i) => to.set(y, results[i]));
}
