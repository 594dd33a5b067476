/**
 * @file Rewriting programs: each rule keeps every bit of the result. Dead code goes, equal ops are done
 * once, ops that change nothing are passed by, and arithmetic of numbers that are everywhere is done here.
 */
import type { PrimitiveName } from "../primitives/index.ts";
import { isFloat } from "../dtype.ts";
import { Fill, type FillParams } from "../primitives/leaf.ts";
import type { PermuteParams } from "../primitives/movement.ts";
import type { SliceParams } from "../primitives/slicing.ts";
import { sameType } from "../shape.ts";
import type { Program, ProgramNode, Variable } from "./program.ts";

/** What a rule may ask: which node made a variable. */
type MadeBy = (variable: Variable) => ProgramNode | undefined;

/** A rule: what an op's one output equals: a variable that is there already, or a simpler op's. */
type Rule = (node: ProgramNode, madeBy: MadeBy) => Variable | ProgramNode | undefined;

/** The number that fills a variable, if one does. */
function filling(variable: Variable, madeBy: MadeBy): number | undefined {
  const maker = madeBy(variable);
  return maker?.primitive === Fill ? (maker.params as FillParams).value : undefined;
}

/** One number everywhere, however it is laid out, is that number everywhere. */
function refilled(node: ProgramNode, madeBy: MadeBy): ProgramNode | undefined {
  const value = filling(node.inputs[0], madeBy);
  const { type } = node.outputs[0];
  return value === undefined
    ? undefined
    : { ...node, primitive: Fill, inputs: [], params: { ...type, value } };
}

/**
 * Arithmetic of whole tensors of one number, done now. IEEE 754 gives its every bit; in float32 too, since
 * one operation in float64 that is rounded once more is as good as one in float32.
 */
function folded(f: (...numbers: number[]) => number): Rule {
  return (node, madeBy) => {
    const { type } = node.outputs[0];
    const numbers = node.inputs.map((x) => filling(x, madeBy));
    if (!isFloat(type.dtype) || numbers.includes(undefined)) return undefined;
    const rounded = type.dtype === "float32" ? Math.fround : (x: number): number => x;
    const value = rounded(f(...(numbers as number[]).map(rounded)));
    return { ...node, primitive: Fill, inputs: [], params: { ...type, value } };
  };
}

/** The first rule that says something. */
function either(...list: readonly Rule[]): Rule {
  return (node, madeBy) => {
    for (const rule of list) {
      const equal = rule(node, madeBy);
      if (equal !== undefined) return equal;
    }
    return undefined;
  };
}

/** One movement in the place of two of the same kind, of which the later one alone says what comes out. */
function overtaken(node: ProgramNode, madeBy: MadeBy): Variable | ProgramNode | undefined {
  const before = madeBy(node.inputs[0]);
  if (before?.primitive !== node.primitive) return undefined;
  const one = { ...node, inputs: before.inputs };
  return unchanged(one) ?? one;
}

/** The first operand, where the second is the number that changes nothing. */
function besides(neutral: number): Rule {
  return ({ inputs: [x, y] }, madeBy) => (Object.is(filling(y, madeBy), neutral) ? x : undefined);
}

/** The op's input, where it has the output's type. */
function unchanged({ inputs: [x], outputs: [y] }: ProgramNode): Variable | undefined {
  return sameType(x.type, y.type) ? x : undefined;
}

/** The input of the op that made the input, where that is the same op. */
function undone({ primitive, inputs }: ProgramNode, madeBy: MadeBy): Variable | undefined {
  const before = madeBy(inputs[0]);
  return before?.primitive === primitive ? before.inputs[0] : undefined;
}

/** The second operand, where the first is the number that changes nothing. */
function behind(neutral: number): Rule {
  return ({ inputs: [x, y] }, madeBy) => (Object.is(filling(x, madeBy), neutral) ? y : undefined);
}

/** Axes as they were, or where an order of axes follows another, one order. */
function reordered(node: ProgramNode, madeBy: MadeBy): Variable | ProgramNode | undefined {
  const { axes } = node.params as PermuteParams;
  const [x] = node.inputs;
  if (axes.every((axis, i) => axis === i)) return x;
  const before = madeBy(x);
  if (before?.primitive !== node.primitive) return undefined;
  const inner = (before.params as PermuteParams).axes;
  const both = {
    ...node,
    inputs: before.inputs,
    params: { axes: axes.map((axis) => inner[axis]) },
  };
  return both.params.axes.every((axis, i) => axis === i) ? before.inputs[0] : both;
}

/** Everything, in its order. */
function whole({ inputs: [x], outputs: [y], params }: ProgramNode): Variable | undefined {
  const isForward = (params as SliceParams).steps.every((step) => step === 1);
  return isForward && sameType(x.type, y.type) ? x : undefined;
}

/** Ops that change nothing, or take back what the op before did. One rule per line. */
const rules: { readonly [N in PrimitiveName]?: Rule } = {
  alias: ({ inputs: [x] }) => x,
  reshape: either(unchanged, refilled, overtaken),
  broadcastTo: either(unchanged, refilled, overtaken),
  permute: either(refilled, reordered),
  slice: either(whole, refilled),
  cast: unchanged,
  // x + 0 is x but for x = −0; x + (−0) is x.
  add: either(
    folded((x, y) => x + y),
    besides(-0),
    behind(-0),
  ),
  sub: either(
    folded((x, y) => x - y),
    besides(0),
  ),
  mul: either(
    folded((x, y) => x * y),
    behind(1),
    besides(1),
  ),
  div: either(
    folded((x, y) => x / y),
    besides(1),
  ),
  neg: either(
    folded((x) => -x),
    undone,
  ),
  sqrt: folded(Math.sqrt),
};

const functionNumbers = new WeakMap<object, number>();
let functions = 0;

/** A number of a function's own. */
function numberOf(f: object): number {
  const number = functionNumbers.get(f) ?? functions++;
  functionNumbers.set(f, number);
  return number;
}

/**
 * A parameter as JSON keeps it, where numbers that JSON does not have are told apart; and so are functions,
 * which are in the bodies of loops that call some with rules of their own.
 */
function exact(key: string, value: unknown): unknown {
  if (key === "primitive") return (value as ProgramNode["primitive"]).name;
  if (typeof value === "function") return `function ${numberOf(value)}`;
  const isPlain = typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0));
  return isPlain ? value : `number ${Object.is(value, -0) ? "-0" : String(value)}`;
}

/** Names an op and all that it depends on; equal names mean equal results. */
function keyOf({ primitive, inputs, params, outputs, isConstant }: ProgramNode): string {
  // Functions in parameters cannot be compared: such a call is like no other.
  if (primitive.expand !== undefined) return `x${outputs[0].id}`;
  const ids = inputs.map(({ id }) => id).join(",");
  return `${isConstant ? "constant " : ""}${primitive.name}(${ids})${JSON.stringify(params, exact)}`;
}

/**
 * The same program with fewer ops: what nobody reads is gone, equal ops are done once, ops that change
 * nothing are passed by. The results are the same bit for bit.
 */
export function simplify(program: Program): Program {
  return withoutDead(shared(program));
}

/** Does equal ops once, and applies the rules. */
function shared({ inputs, constants, nodes, outputs }: Program): Program {
  const stands = new Map<Variable, Variable>();
  const now = (variable: Variable): Variable => stands.get(variable) ?? variable;
  const makers = new Map<Variable, ProgramNode>();
  const seen = new Map<string, ProgramNode>();
  const kept: ProgramNode[] = [];
  // What is a constant to derivatives must not be looked through; one number is one to all.
  const madeBy: MadeBy = (variable) => {
    const maker = makers.get(variable);
    return maker?.isConstant === true && maker.primitive !== Fill ? undefined : maker;
  };
  for (const old of nodes) {
    const asWritten = { ...old, inputs: old.inputs.map(now) };
    // An alias under `noGrad` is a constant to derivatives, and what it is an alias of is not.
    const equal = asWritten.isConstant
      ? undefined
      : rules[old.primitive.name as PrimitiveName]?.(asWritten, madeBy);
    const node = equal !== undefined && "primitive" in equal ? equal : asWritten;
    const key = keyOf(node);
    const twin = seen.get(key);
    if (equal !== undefined && !("primitive" in equal)) stands.set(node.outputs[0], equal);
    else if (twin !== undefined) node.outputs.forEach((y, i) => stands.set(y, twin.outputs[i]));
    else {
      seen.set(key, node);
      kept.push(node);
      for (const y of node.outputs) makers.set(y, node);
    }
  }
  return { inputs, constants, nodes: kept, outputs: outputs.map(now) };
}

/** The op without results that nobody reads, if it can do without them. */
function withoutUnread(node: ProgramNode, isRead: readonly boolean[]): ProgramNode {
  const { bodies } = node.primitive;
  if (bodies === undefined) return node;
  const { params, inputs, outputs } = bodies.prune(node.params, isRead);
  return {
    ...node,
    params,
    inputs: inputs.map((i) => node.inputs[i]),
    outputs: outputs.map((i) => node.outputs[i]),
  };
}

/** Leaves out what nobody reads, inside of loops too. */
export function withoutDead({ inputs, constants, nodes, outputs }: Program): Program {
  const read = new Set(outputs);
  const kept = nodes.toReversed().flatMap((node) => {
    const isRead = node.outputs.map((variable) => read.has(variable));
    if (!isRead.includes(true)) return [];
    const pruned = withoutUnread(node, isRead);
    for (const variable of pruned.inputs) read.add(variable);
    return [pruned];
  });
  return {
    inputs,
    constants: constants.filter(({ variable }) => read.has(variable)),
    nodes: kept.toReversed(),
    outputs,
  };
}
