/** @file Programs as text, for reading and for tests. */
import { formatType } from "../shape.ts";
import type { Program, Variable } from "./program.ts";

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
 * the order of their appearance.
 */
export function formatProgram({ inputs, constants, nodes, outputs }: Program): string {
  const names = new Map<Variable, string>();
  const name = (variable: Variable): string => {
    const known = names.get(variable) ?? `x${names.size}`;
    names.set(variable, known);
    return known;
  };
  const typed = (variable: Variable): string => `${name(variable)}: ${formatType(variable.type)}`;
  const lines = [
    `program (${inputs.map(typed).join(", ")}) {`,
    ...constants.map(({ variable }) => `  ${typed(variable)} = constant`),
    ...nodes.map((node) => {
      const read = node.inputs.map(name);
      const params = Object.entries(node.params ?? {}).map(
        ([key, value]) => `${key}=${formatParam(value)}`,
      );
      const made = node.outputs.map(typed).join(", ");
      return `  ${made} = ${[node.primitive.name, ...read, ...params].join(" ")}`;
    }),
    `  return ${outputs.map(name).join(", ")}`,
    "}",
  ];
  return lines.join("\n");
}
