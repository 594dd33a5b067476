/** @file Tensors from nothing against PyTorch and NumPy. */
import * as core from "@tapeloop/autograd";
import { tensor } from "@tapeloop/autograd";
import { compare } from "./references.ts";

const rows = (): core.Tensor[] => [tensor([1, 2]), tensor([3, 4, 5])];

// The one input of these cases says which element type is asked for.
compare("creation", {
  linspace: ({ dtype }) => core.linspace(-1, 2, 7, { dtype }),
  "linspace of one": ({ dtype }) => core.linspace(3, 9, 1, { dtype }),
  "linspace without its end": ({ dtype }) => core.linspace(0, 1, 5, { endpoint: false, dtype }),
  logspace: ({ dtype }) => core.logspace(-2, 3, 6, { dtype }),
  "logspace to base 2": ({ dtype }) => core.logspace(0, 5, 6, { base: 2, dtype }),
  tri: ({ dtype }) => core.tri(3, 4, { offset: 1, dtype }),
  "tri below": ({ dtype }) => core.tri(3, 3, { offset: -1, dtype }),
  meshgrid: () => core.stack([...core.meshgrid(rows())], { axis: 0 }),
  "meshgrid by columns and rows": () =>
    core.stack([...core.meshgrid(rows(), { indexing: "xy" })], { axis: 0 }),
  onesLike: ({ dtype }) => core.onesLike(core.zeros([2, 3], { dtype })),
});
