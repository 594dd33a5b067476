/**
 * @file Rewriting programs: each rule keeps every bit of the result. Dead code goes, equal ops are done
 * once, and ops that change nothing are passed by.
 */
import type { PrimitiveName } from "../primitives/index.ts";
import { Fill, type FillParams } from "../primitives/leaf.ts";
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

/** Ops that change nothing, or take back what the op before did. One rule per line. */
const rules: { readonly [N in PrimitiveName]?: Rule } = {
  alias: ({ inputs: [x] }) => x,
  reshape: (node, madeBy) => unchanged(node) ?? refilled(node, madeBy),
  broadcastTo: (node, madeBy) => unchanged(node) ?? refilled(node, madeBy),
  slice: refilled,
  mul: (node, madeBy) =>
    filling(node.inputs[0], madeBy) === 1 ? node.inputs[1] : besides(1)(node, madeBy),
  div: besides(1),
  sub: besides(0),
  cast: unchanged,
  neg: undone,
  permute: (node, madeBy) => {
    const before = undone(node, madeBy);
    const inner = (madeBy(node.inputs[0])?.params as { axes: readonly number[] } | undefined)?.axes;
    const outer = (node.params as { axes: readonly number[] }).axes;
    if (outer.every((axis, i) => inner?.[axis] === i)) return before;
    return refilled(node, madeBy);
  },
};

/** A parameter as JSON keeps it, where numbers that JSON does not have are told apart. */
function exact(_: string, value: unknown): unknown {
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
  for (const old of nodes) {
    const asWritten = { ...old, inputs: old.inputs.map(now) };
    // An alias under `noGrad` is a constant to derivatives, and what it is an alias of is not.
    const equal = asWritten.isConstant
      ? undefined
      : rules[old.primitive.name as PrimitiveName]?.(asWritten, (variable) => makers.get(variable));
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
