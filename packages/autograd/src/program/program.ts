/**
 * @file Programs: ops in the order they run, without data. A tape is the same list, written while data
 * flows; a program is written once, printed, simplified, and run as often as wanted.
 */
import type { AnyPrimitive } from "../primitive.ts";
import type { TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** A value of a program that is known by its type only. */
export interface Variable {
  /** Its number; it is printed as `x7`. */
  readonly id: number;
  /** Shape and element type. */
  readonly type: TensorType;
}

/** One op of a program. */
export interface ProgramNode {
  /** The op. */
  readonly primitive: AnyPrimitive;
  /** What it reads. */
  readonly inputs: readonly Variable[];
  /** Its parameters. */
  readonly params: unknown;
  /** What it makes: one variable, or several. */
  readonly outputs: readonly Variable[];
  /** Whether it was run under `noGrad`, so that its results are constants to derivatives of the program. */
  readonly isConstant: boolean;
}

/** A tensor from around the traced function that it uses. */
export interface Constant {
  /** How the program knows it. */
  readonly variable: Variable;
  /** Its value. */
  readonly tensor: Tensor;
}

/** A function of tensors as a list of ops. */
export interface Program {
  /** The tensors it is given. */
  readonly inputs: readonly Variable[];
  /** The tensors that it has by itself. */
  readonly constants: readonly Constant[];
  /** Its ops; each reads only what stands before it. */
  readonly nodes: readonly ProgramNode[];
  /** The tensors it returns. */
  readonly outputs: readonly Variable[];
}

/** Every variable of a program: inputs, constants, and what its ops make. */
export function variablesOf({ inputs, constants, nodes }: Program): Variable[] {
  return [
    ...inputs,
    ...constants.map(({ variable }) => variable),
    ...nodes.flatMap(({ outputs }) => outputs),
  ];
}
