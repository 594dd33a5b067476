/** @file Activation functions against PyTorch, at their corners too. */
import * as core from "@tapeloop/autograd";
import type { Tensor } from "@tapeloop/autograd";
import { compare } from "./references.ts";

const { softmax, logSoftmax, softmin } = core;

compare("activations", {
  relu: (x) => core.relu(x),
  relu6: core.relu6,
  hardTanh: (x) => core.hardTanh(x),
  "hardTanh between other bounds": (x) => core.hardTanh(x, -0.5, 2),
  hardSigmoid: core.hardSigmoid,
  hardSwish: core.hardSwish,
  leakyRelu: (x) => core.leakyRelu(x),
  prelu: core.prelu,
  "prelu at 0": core.prelu,
  elu: (x) => core.elu(x),
  "elu with alpha 2": (x) => core.elu(x, 2),
  "celu with alpha 2": (x) => core.celu(x, 2),
  selu: core.selu,
  softShrink: (x) => core.softShrink(x),
  hardShrink: (x) => core.hardShrink(x),
  threshold: (x) => core.threshold(x, 0.5, 9),
  heaviside: (x) => core.heaviside(x, 0.25),
  silu: core.silu,
  gelu: (x) => core.gelu(x),
  "gelu by tanh": (x) => core.gelu(x, { approximate: "tanh" }),
  mish: core.mish,
  softsign: core.softsign,
  tanhShrink: core.tanhShrink,
  sigmoid: core.sigmoid,
  logSigmoid: core.logSigmoid,
  softplus: core.softplus,
  glu: (x) => core.glu(x),
  ...Object.fromEntries(
    Object.entries({ softmax, logSoftmax, softmin }).flatMap(([name, op]) => [
      [name, (x: Tensor) => op(x)],
      [`${name} along the first axis`, (x: Tensor) => op(x, { axis: 0 })],
    ]),
  ),
});
