/**
 * @file Rewriting programs: each rule keeps every bit of the result. Dead code goes, equal ops are done
 * once, and ops that change nothing are passed by.
 */
import type { PrimitiveName } from "../primitives/index.ts";
import { sameType } from "../shape.ts";
import type { Program, ProgramNode, Variable } from "./program.ts";

/** What a rule may ask: which node made a variable. */
type MadeBy = (variable: Variable) => ProgramNode | undefined;

/** A rule: the variable that an op's one output equals, if there is one already. */
type Rule = (node: ProgramNode, madeBy: MadeBy) => Variable | undefined;

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
  reshape: unchanged,
  broadcastTo: unchanged,
  cast: unchanged,
  neg: undone,
  permute: (node, madeBy) => {
    const before = undone(node, madeBy);
    const inner = (madeBy(node.inputs[0])?.params as { axes: readonly number[] } | undefined)?.axes;
    const outer = (node.params as { axes: readonly number[] }).axes;
    return outer.every((axis, i) => inner?.[axis] === i) ? before : undefined;
  },
};

/** A parameter as JSON keeps it, where numbers that JSON does not have are told apart. */
function exact(_: string, value: unknown): unknown {
  const isPlain = typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0));
  return isPlain ? value : `number ${Object.is(value, -0) ? "-0" : String(value)}`;
}

/** Names an op and all that it depends on; equal names mean equal results. */
function keyOf({ primitive, inputs, params, isConstant }: ProgramNode): string {
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
    const node = { ...old, inputs: old.inputs.map(now) };
    // An alias under `noGrad` is a constant to derivatives, and what it is an alias of is not.
    const equal = node.isConstant
      ? undefined
      : rules[node.primitive.name as PrimitiveName]?.(node, (variable) => makers.get(variable));
    const key = keyOf(node);
    const twin = seen.get(key);
    if (equal !== undefined) stands.set(node.outputs[0], equal);
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
