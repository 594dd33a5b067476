/** @file Choosing parameters by their path in the tree or by their type. */
import type { Tensor } from "@tapeloop/autograd";

/**
 * Some of the parameters: those whose path (`layers[0].W`) a regular expression finds something in, or
 * those that a function of the path and the tensor says yes to. It may ask for shapes and types, not for
 * values.
 *
 * @example
 * ```ts
 * import { adamW, type Selection } from "tapeloop";
 *
 * const matrices: Selection = (_, x) => x.rank > 1;
 * adamW({ weightDecay: 0.1, decayed: matrices });
 * adamW({ weightDecay: 0.1, decayed: /\.W[xh]?$/ });
 * ```
 */
export type Selection = RegExp | ((path: string, parameter: Tensor) => boolean);

/** Whether a parameter is among those. */
export function isSelected(selection: Selection, path: string, parameter: Tensor): boolean {
  // `search`, since `test` of an expression with the flag g depends on its last call.
  return typeof selection === "function"
    ? selection(path, parameter)
    : path.search(selection) !== -1;
}
