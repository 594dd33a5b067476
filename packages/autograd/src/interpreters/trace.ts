/**
 * @file The tracing interpreter: writes ops into a program instead of running them. The tensors that a
 * traced function handles have a type and no data.
 */
import type { Backend } from "../backend.ts";
import { TracingError } from "../errors.ts";
import { deeper } from "./depth.ts";
import { keep } from "./eager.ts";
import { recordingLevel } from "./record.ts";
import type { ManyPrimitive, OnePrimitive } from "../primitive.ts";
import type { Constant, Program, ProgramNode, Variable } from "../program/program.ts";
import { formatType, type TensorType } from "../shape.ts";
import { Tensor } from "../tensor.ts";

/** A program while it is being written. */
export class Tracer {
  /** Where the program will run. */
  readonly backend: Backend;
  /** How deep it is nested in other interpreters; 0 while it is not being written. */
  depth = 0;
  /** Whether it is the body of a loop: what it takes from around becomes inputs, not constants. */
  readonly isBody: boolean;
  readonly #inputs: Variable[] = [];
  readonly #outside = new Map<Tensor, Constant>();
  readonly #nodes: ProgramNode[] = [];
  #variables = 0;

  /**
   * Starts a program for a backend.
   *
   * @param kind - Tensors from around the traced function become constants of a whole program; the body
   *   of a loop gets them handed in, as inputs.
   */
  constructor(backend: Backend, kind: "program" | "body" = "program") {
    this.backend = backend;
    this.isBody = kind === "body";
  }

  /** A tensor without data, given to the program. */
  input(type: TensorType): Tensor {
    const variable = this.#variable(type);
    this.#inputs.push(variable);
    return this.#tensor(variable);
  }

  /** Writes an op down; its results are tensors without data. */
  write(
    primitive: ProgramNode["primitive"],
    inputs: readonly Tensor[],
    params: unknown,
    types: readonly TensorType[],
  ): readonly Tensor[] {
    const outputs = types.map((type) => this.#variable(type));
    this.#nodes.push({
      primitive,
      inputs: inputs.map((x) => this.variableOf(x)),
      params,
      outputs,
      // Bodies of loops will be differentiated as programs; nothing else is.
      isConstant: this.isBody && recordingLevel() < 0,
    });
    return outputs.map((variable) => this.#tensor(variable));
  }

  /** How the program knows a tensor; one from around it becomes a constant or an input. */
  variableOf(x: Tensor): Variable {
    if (x.traced?.tracer === this) return x.traced.variable;
    const known = this.#outside.get(x);
    if (known !== undefined) return known.variable;
    if (this.isBody) {
      const captured = { variable: this.#variable(x), tensor: x };
      this.#outside.set(x, captured);
      return captured.variable;
    }
    if (x.node !== null && x.node.parameter !== null) {
      throw new TracingError(
        "trace",
        "a parameter changes, so it must be an argument of the function",
        `a parameter of ${formatType(x)} from around it`,
        "Pass parameter.value, and assign what comes back.",
      );
    }
    // The scope it was made in may end before the program runs.
    const constant = { variable: this.#variable(x), tensor: keep(x) };
    this.#outside.set(x, constant);
    return constant.variable;
  }

  /** The program that has been written. */
  program(outputs: readonly Tensor[]): Program {
    const returned = outputs.map((y) => this.variableOf(y));
    const outside = [...this.#outside.values()];
    const given = { nodes: this.#nodes, outputs: returned };
    if (!this.isBody) return { inputs: this.#inputs, constants: outside, ...given };
    const captured = outside.map(({ variable }) => variable);
    return { inputs: [...captured, ...this.#inputs], constants: [], ...given };
  }

  /** The tensors from around that the body of a loop uses: its first inputs, in their order. */
  get captured(): Tensor[] {
    return [...this.#outside.values()].map(({ tensor }) => tensor);
  }

  #variable({ shape, dtype }: TensorType): Variable {
    return { id: this.#variables++, type: { shape, dtype } };
  }

  #tensor(variable: Variable): Tensor {
    return new Tensor(variable.type, null, null, null, { tracer: this, variable });
  }
}

/** A tensor's place in a program that is being written. */
export interface Traced {
  /** The program. */
  readonly tracer: Tracer;
  /** The variable that the tensor stands for. */
  readonly variable: Variable;
}

let current: Tracer | null = null;

/** Whether a program is being written. */
export function isTracing(): boolean {
  return current !== null;
}

/** Runs `f` while its ops are written into a program. */
export function tracing<R>(tracer: Tracer, f: () => R): R {
  const outer = current;
  current = tracer;
  try {
    return deeper((depth) => {
      tracer.depth = depth;
      return f();
    });
  } finally {
    tracer.depth = 0;
    current = outer;
  }
}

/**
 * The program that an op belongs to: the innermost of its inputs'; ops without inputs belong to the
 * current one. So what the body of a loop computes from tensors of around alone is written around it, once.
 *
 * @param beyond - Programs that are less deep do not count.
 */
export function tracerOf(inputs: readonly Tensor[], beyond = 0): Tracer | null {
  if (inputs.length === 0) return current;
  let found: Tracer | null = null;
  for (const { traced } of inputs) {
    if (traced !== null && traced.tracer.depth > (found?.depth ?? beyond)) found = traced.tracer;
  }
  return found;
}

/** Writes down a primitive with one result. */
export function traceOne<P, S>(
  primitive: OnePrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
  tracer: Tracer,
): Tensor {
  return tracer.write(primitive, inputs, params, [primitive.type(inputs, params)])[0];
}

/** Writes down a primitive with several results. */
export function traceMany<P, S>(
  primitive: ManyPrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
  tracer: Tracer,
): readonly Tensor[] {
  return tracer.write(primitive, inputs, params, primitive.type(inputs, params));
}
