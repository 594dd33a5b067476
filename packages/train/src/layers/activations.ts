/** @file Activations by their names in Keras. */
import {
  elu,
  exp,
  gelu,
  hardSigmoid,
  leakyRelu,
  logSoftmax,
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
  tanh,
  type Tensor,
} from "@tapeloop/autograd";
import { chosen } from "../names.ts";

/** Activations by their names in Keras, in camel case. */
export type ActivationName =
  | "elu"
  | "exponential"
  | "gelu"
  | "hardSigmoid"
  | "leakyRelu"
  | "linear"
  | "logSoftmax"
  | "mish"
  | "relu"
  | "relu6"
  | "selu"
  | "sigmoid"
  | "silu"
  | "softmax"
  | "softplus"
  | "softsign"
  | "swish"
  | "tanh";

const activations: Readonly<Record<ActivationName, (x: Tensor) => Tensor>> = {
  elu: (x) => elu(x),
  exponential: (x) => exp(x),
  gelu: (x) => gelu(x),
  hardSigmoid: (x) => hardSigmoid(x),
  leakyRelu: (x) => leakyRelu(x),
  linear: (x) => x,
  logSoftmax: (x) => logSoftmax(x),
  mish: (x) => mish(x),
  relu: (x) => relu(x),
  relu6: (x) => relu6(x),
  selu: (x) => selu(x),
  sigmoid: (x) => sigmoid(x),
  silu: (x) => silu(x),
  softmax: (x) => softmax(x),
  softplus: (x) => softplus(x),
  softsign: (x) => softsign(x),
  swish: (x) => silu(x),
  tanh: (x) => tanh(x),
};

/** An activation's name, or any function of a tensor that keeps its shape. */
export type Activation = ActivationName | ((x: Tensor) => Tensor);

/** The function of an activation. */
export function activationOf(op: string, given: Activation): (x: Tensor) => Tensor {
  return typeof given === "function" ? given : chosen(op, "activation", activations, given);
}
