/** @file Contractions and other products against PyTorch. */
import * as core from "@tapeloop/autograd";
import { compare, titlesOf } from "./references.ts";

compare("products", {
  // The formula stands in the title.
  ...Object.fromEntries(
    titlesOf("products")
      .filter((title) => title.startsWith("einsum "))
      .map((title) => [title, (...x) => core.einsum(title.slice("einsum ".length), ...x)]),
  ),
  tensordot: (x, y) => core.tensordot(x, y),
  "tensordot over no axes": (x, y) => core.tensordot(x, y, 0),
  "tensordot over named axes": (x, y) =>
    core.tensordot(x, y, [
      [1, 0],
      [0, -1],
    ]),
  kron: core.kron,
  "kron of other ranks": core.kron,
  cross: (x, y) => core.cross(x, y),
  "cross along the first axis": (x, y) => core.cross(x, y, { axis: 0 }),
  "matrixPower 0": (x) => core.matrixPower(x, 0),
  "matrixPower 1": (x) => core.matrixPower(x, 1),
  "matrixPower 5": (x) => core.matrixPower(x, 5),
  outer: (x, y) => core.outer(x, y),
  dot: (x, y) => core.dot(x, y),
});
