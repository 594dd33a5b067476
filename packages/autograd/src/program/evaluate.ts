/** @file Running a program op by op, by whatever interpreters its inputs belong to: so it can be differentiated, batched and traced anew. */
import { apply, applyMany } from "../apply.ts";
import type { Backend } from "../backend.ts";
import { TracingError } from "../errors.ts";
import { noGrad } from "../interpreters/record.ts";
import { Tracer, tracing } from "../interpreters/trace.ts";
import type { AnyPrimitive, ManyPrimitive, OnePrimitive } from "../primitive.ts";
import { formatTypes, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type Program, type ProgramNode, type Variable, variablesOf } from "./program.ts";
import { simplify } from "./simplify.ts";

/** Runs any primitive; the results are a list. */
function applyAny(
  primitive: AnyPrimitive,
  inputs: readonly Tensor[],
  params: unknown,
): readonly Tensor[] {
  return primitive.results === "one"
    ? [apply(primitive as OnePrimitive<string, unknown, unknown>, inputs, params)]
    : applyMany(primitive as ManyPrimitive<string, unknown, unknown>, inputs, params);
}

/** Runs one op of a program. */
export type RunNode = (node: ProgramNode, inputs: readonly Tensor[]) => readonly Tensor[];

/** Runs an op of a program; one that was run under `noGrad` is so again. */
export function runNode(
  { primitive, params, isConstant }: ProgramNode,
  inputs: readonly Tensor[],
): readonly Tensor[] {
  const run = (): readonly Tensor[] =>
    primitive.expand === undefined
      ? applyAny(primitive, inputs, params)
      : [primitive.expand(inputs, params)];
  return isConstant ? noGrad(run) : run();
}

/** The values of all variables of a program, given those of its inputs. */
export function evaluate(
  { inputs, constants, nodes }: Program,
  values: readonly Tensor[],
  run: RunNode = runNode,
): ReadonlyMap<Variable, Tensor> {
  const known = new Map<Variable, Tensor>();
  inputs.forEach((variable, i) => known.set(variable, values[i]));
  for (const { variable, tensor } of constants) known.set(variable, tensor);
  for (const node of nodes) {
    const read = node.inputs.map((variable) => known.get(variable) as Tensor);
    run(node, read).forEach((y, i) => known.set(node.outputs[i], y));
  }
  return known;
}

/**
 * The same program with every call of a function with rules of its own replaced by what it does, in the
 * bodies of loops, too: ready to run, and no longer to be differentiated.
 */
export function expanded(program: Program, backend: Backend): Program {
  const nodes = program.nodes.map((node) => {
    const { bodies } = node.primitive;
    if (bodies === undefined) return node;
    const inner = bodies.of(node.params).map((body) => expandedBody(body, backend));
    return { ...node, params: bodies.with(node.params, inner) };
  });
  return { ...program, nodes };
}

/** {@link expanded} for the body of a loop. */
function expandedBody(body: Program, backend: Backend): Program {
  const tracer = new Tracer(backend);
  const inputs = body.inputs.map(({ type }) => tracer.input(type));
  const values = tracing(tracer, () => evaluate(body, inputs));
  const program = tracer.program(body.outputs.map((v) => values.get(v) as Tensor));
  if (program.constants.length > 0) {
    throw new TracingError(
      "scan",
      "a function with rules of its own takes its tensors as arguments",
      formatTypes(program.constants.map(({ tensor }) => tensor)) + " from around it",
      "Make them arguments of the function.",
    );
  }
  return simplify(expanded(program, backend));
}

/** The body of a loop, and the tensors from around that are its first inputs. */
export interface Body {
  /** Inputs: those tensors, and then the arguments. */
  readonly program: Program;
  /** Tensors from around that the function uses. */
  readonly captured: readonly Tensor[];
}

/** A function of tensors as the body of a loop. */
export function traceBody(
  types: readonly TensorType[],
  backend: Backend,
  f: (inputs: readonly Tensor[]) => readonly Tensor[],
): Body {
  const tracer = new Tracer(backend, "body");
  const inputs = types.map((type) => tracer.input(type));
  const outputs = tracing(tracer, () => f(inputs));
  // Outputs may be tensors from around, too.
  const program = tracer.program(outputs);
  return { program, captured: tracer.captured };
}

/** A body that takes all that it and its siblings take from around. */
export function givenAll({ program, captured: own }: Body, captured: readonly Tensor[]): Program {
  let free = Math.max(-1, ...variablesOf(program).map(({ id }) => id)) + 1;
  const from = captured.map((x) => {
    const place = own.indexOf(x);
    const { shape, dtype } = x;
    return place < 0 ? { id: free++, type: { shape, dtype } } : program.inputs[place];
  });
  return { ...program, inputs: [...from, ...program.inputs.slice(own.length)] };
}
