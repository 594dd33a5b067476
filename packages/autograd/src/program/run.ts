/** @file Running a program: kernel after kernel, with every value let go of after its last use. */
import type { Backend } from "../backend.ts";
import { kernelOf, wrap } from "../interpreters/eager.ts";
import type { Tensor } from "../tensor.ts";
import type { Program, Variable } from "./program.ts";

/** What is let go of after each node: the variables that it is the last to read or make. */
function lastUses({ nodes, outputs }: Program): Variable[][] {
  const seen = new Set<Variable>(outputs);
  const dead = nodes.toReversed().map((node) => {
    const touched = new Set(node.inputs.concat(node.outputs));
    const last = [...touched].filter((variable) => !seen.has(variable));
    for (const variable of last) seen.add(variable);
    return last;
  });
  return dead.toReversed();
}

/** A program made ready to run on a backend, as a function of tensors. */
export function prepare(
  program: Program,
  backend: Backend,
): (inputs: readonly Tensor[]) => readonly Tensor[] {
  const { nodes, constants, outputs } = program;
  const dead = lastUses(program);
  const kernels = nodes.map(({ primitive }) => kernelOf<unknown>(backend, primitive.name));
  return (inputs) => {
    const values = new Map<Variable, unknown>();
    program.inputs.forEach((variable, i) => values.set(variable, inputs[i].array));
    for (const { variable, tensor } of constants) values.set(variable, tensor.array);
    nodes.forEach((node, i) => {
      const read = node.inputs.map((variable) => values.get(variable));
      if (node.primitive.results === "one") {
        const [y] = node.outputs;
        values.set(y, kernels[i](read, node.params, y.type));
      } else {
        const types = node.outputs.map(({ type }) => type);
        const made = kernels[i](read, node.params, types) as readonly unknown[];
        node.outputs.forEach((y, k) => values.set(y, made[k]));
      }
      for (const variable of dead[i]) values.delete(variable);
    });
    // Results may look at the memory of inputs, of constants, and of one another.
    const owners = [...inputs, ...constants.map(({ tensor }) => tensor)];
    return outputs.map((variable) => {
      const result = wrap(backend, values.get(variable), variable.type, owners);
      owners.push(result);
      return result;
    });
  };
}
