/** @file First biases of an LSTM and a GRU: how long they remember before they have learned to. */
import {
  ArgumentError,
  checkOptions,
  concat,
  full,
  log,
  neg,
  scope,
  ShapeError,
  type Tensor,
  to,
  uniform,
  zeros,
} from "@tapeloop/autograd";
import type { Initializer, InitializerOptions } from "./initializer.ts";

/** H, for the biases of all gates side by side. */
function unitsOf(op: string, gates: readonly string[], shape: readonly number[]): number {
  const count = gates.length;
  if (shape.length !== 1 || shape[0] === 0 || shape[0] % count !== 0) {
    const rule = `biases are [${count}H], of the gates ${gates.join(", ")}`;
    throw new ShapeError(op, rule, `[${shape.join(", ")}]`);
  }
  return shape[0] / count;
}

const ofLstm = ["i", "f", "g", "o"];
const ofGru = ["r", "z", "n"];

/** ln u with u even in [1, longest − 1): biases of gates that keep, for so many steps. */
function keeping(key: Tensor, units: number, longest: number, options: InitializerOptions): Tensor {
  return log(uniform([units], 1, longest - 1, { key, ...options }));
}

function checkLongest(op: string, longest: number): void {
  if (!(longest > 2 && longest < Infinity)) {
    throw new ArgumentError(op, "longest is a number above 2", String(longest));
  }
}

/**
 * Biases of an {@link lstmCell}: 0, and another number for the forget gate, above 0 so that it starts by
 * remembering; the key is not used. The cell's default, with 1.
 *
 * Shapes: [4H], in the order i, f, g, o.
 *
 * Source: Gers, Schmidhuber and Cummins 2000; Jozefowicz, Zaremba and Sutskever 2015, section 4.
 *
 * @throws ArgumentError if it is no number; ShapeError for another shape.
 *
 * @example
 * ```ts
 * import { key, unitForgetBias } from "tapeloop";
 *
 * console.log(unitForgetBias()(key(0), [8]).toArray()); // [ 0, 0, 1, 1, 0, 0, 0, 0 ]
 * ```
 */
export function unitForgetBias(value = 1): Initializer {
  if (!Number.isFinite(value)) {
    throw new ArgumentError("unitForgetBias", "the bias is a finite number", String(value));
  }
  return (key, shape, options = {}) => {
    checkOptions("unitForgetBias", options, ["dtype"]);
    const H = unitsOf("unitForgetBias", ofLstm, shape);
    return scope(() => {
      const parts = [zeros([H], options), full([H], value, options), zeros([2 * H], options)];
      return to(concat(parts), key.backend);
    });
  };
}

/**
 * Biases of an {@link lstmCell} for dependencies of up to so many steps: forget gates get ln u with u even in
 * [1, longest − 1), input gates the opposite, so that units remember for times that are spread over this range.
 *
 * Shapes: [4H], in the order i, f, g, o.
 *
 * Source: Tallec and Ollivier 2018, "Can recurrent neural networks warp time?", arXiv:1804.11188, section 2.3,
 * eq. 16.
 *
 * @param longest - The longest dependency, in steps, above 2.
 * @throws ArgumentError for a number that is not above 2; ShapeError for another shape.
 *
 * @example
 * ```ts
 * import { chronoBias, key, lstmCell } from "tapeloop";
 *
 * const { b } = lstmCell(1, 2, { biases: chronoBias(100) }).init(key(0));
 * const [i, , f] = b.dataSync();
 * console.log(i === -f, f >= 0 && f < Math.log(99)); // true true
 * ```
 */
export function chronoBias(longest: number): Initializer {
  checkLongest("chronoBias", longest);
  return (key, shape, options = {}) => {
    checkOptions("chronoBias", options, ["dtype"]);
    const H = unitsOf("chronoBias", ofLstm, shape);
    return scope(() => {
      const forget = keeping(key, H, longest, options);
      return concat([neg(forget), forget, to(zeros([2 * H], options), key.backend)]);
    });
  };
}

/**
 * Biases of a {@link gruCell} for dependencies of up to so many steps: the gate z, which keeps, gets ln u with u even
 * in [1, longest − 1), so that units start with times of memory that are spread evenly; the others 0.
 *
 * Shapes: [3H], in the order r, z, n.
 *
 * Source: Tallec and Ollivier 2018, arXiv:1804.11188, section 2.3; their update gate lets in, which z keeps out.
 *
 * @param longest - The longest dependency, in steps, above 2.
 * @throws ArgumentError for a number that is not above 2; ShapeError for another shape.
 *
 * @example
 * ```ts
 * import { chronoUpdateBias, gruCell, key } from "tapeloop";
 *
 * const { b } = gruCell(1, 2, { biases: chronoUpdateBias(100) }).init(key(0));
 * const [r, , z] = b.dataSync();
 * console.log(r, z >= 0 && z < Math.log(99)); // 0 true
 * ```
 */
export function chronoUpdateBias(longest: number): Initializer {
  checkLongest("chronoUpdateBias", longest);
  return (key, shape, options = {}) => {
    checkOptions("chronoUpdateBias", options, ["dtype"]);
    const H = unitsOf("chronoUpdateBias", ofGru, shape);
    return scope(() => {
      const rest = to(zeros([H], options), key.backend);
      return concat([rest, keeping(key, H, longest, options), rest]);
    });
  };
}
