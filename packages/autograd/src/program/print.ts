/** @file Programs as text, for reading and for tests. */
import { formatType } from "../shape.ts";
import type { Program, ProgramNode, Variable } from "./program.ts";

/** A parameter as it is printed. */
function formatParam(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatParam).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, v]) => `${key}: ${formatParam(v)}`);
    return `{ ${entries.join(", ")} }`;
  }
  return String(value);
}

/**
 * A program as text: one line per op, `x3: float32[2,5] = dotGeneral x0 x1 …`, variables numbered in
 * the order of their appearance. The body of a loop stands below its line, indented; its variables are
 * its own.
 */
export function formatProgram(program: Program): string {
  return linesOf(program).join("\n");
}

/** The lines of a program. */
function linesOf({ inputs, constants, nodes, outputs }: Program): string[] {
  const names = new Map<Variable, string>();
  const name = (variable: Variable): string => {
    const known = names.get(variable) ?? `x${names.size}`;
    names.set(variable, known);
    return known;
  };
  const typed = (variable: Variable): string => `${name(variable)}: ${formatType(variable.type)}`;
  return [
    `program (${inputs.map(typed).join(", ")}) {`,
    ...constants.map(({ variable }) => `  ${typed(variable)} = constant`),
    ...nodes.flatMap((node) => linesOfNode(node, name, typed)),
    `  return ${outputs.map(name).join(", ")}`,
    "}",
  ];
}

/** The line of an op, and those of the programs that it runs. */
function linesOfNode(
  { primitive, inputs, params, outputs }: ProgramNode,
  name: (variable: Variable) => string,
  typed: (variable: Variable) => string,
): string[] {
  const read = inputs.map(name);
  const bodies = primitive.bodies?.of(params) ?? [];
  const shown = Object.entries(params ?? {}).filter(([, value]) => !bodies.includes(value));
  const settings = shown.map(([key, value]) => `${key}=${formatParam(value)}`);
  const line = `${outputs.map(typed).join(", ")} = ${[primitive.name, ...read, ...settings].join(" ")}`;
  const inside = Object.entries(params ?? {}).flatMap(([key, value]) => {
    const body = bodies.find((each) => each === value);
    if (body === undefined) return [];
    const [head, ...rest] = linesOf(body);
    return [bodies.length > 1 ? `${key}: ${head}` : head, ...rest].map((text) => `  ${text}`);
  });
  return [line, ...inside].map((text) => `  ${text}`);
}
