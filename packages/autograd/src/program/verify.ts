/** @file What a valid program is, as a check that runs over any program. */
import { InternalError } from "../errors.ts";
import { formatType, sameType, type TensorType } from "../shape.ts";
import type { Program, ProgramNode, Variable } from "./program.ts";

/** The types that a node's primitive gives its outputs. */
function typesOf({ primitive, inputs, params }: ProgramNode): readonly TensorType[] {
  const types = inputs.map(({ type }) => type);
  return primitive.results === "one"
    ? [primitive.type(types, params)]
    : primitive.type(types, params);
}

/**
 * Every variable is made once, before it is read, and every op makes what its type rule says.
 *
 * @throws InternalError naming the first node that breaks a rule.
 */
export function verify(program: Program): void {
  const known = new Set<Variable>();
  const define = (variable: Variable, by: string): void => {
    if (known.has(variable)) throw new InternalError(`${by} makes x${variable.id} once more`);
    known.add(variable);
  };
  for (const variable of program.inputs) define(variable, "an input");
  for (const { variable } of program.constants) define(variable, "a constant");
  program.nodes.forEach((node, i) => {
    const place = `node ${i}, ${node.primitive.name},`;
    for (const body of node.primitive.bodies?.of(node.params) ?? []) verify(body);
    for (const { id } of node.inputs.filter((variable) => !known.has(variable))) {
      throw new InternalError(`${place} reads x${id}, which is not there yet`);
    }
    const types = typesOf(node);
    node.outputs.forEach((variable, k) => {
      if (k >= types.length || !sameType(types[k], variable.type)) {
        throw new InternalError(
          `${place} makes ${formatType(variable.type)} against its type rule`,
        );
      }
      define(variable, place);
    });
  });
  for (const variable of program.outputs) {
    if (!known.has(variable)) throw new InternalError(`x${variable.id} is returned and never made`);
  }
}
