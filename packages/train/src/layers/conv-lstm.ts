/** @file Recurrent layers over rows and pictures, whose products are convolutions. */
import { checkOptions, swapAxes } from "@tapeloop/autograd";
import { convLstmCell, rnn } from "@tapeloop/nn";
import { checkRank, type Layer } from "../layer.ts";

/** Options of {@link convLstm1d} and {@link convLstm2d}. */
export interface ConvLstmLayerOptions {
  /** Whether the output of every step is handed on, and not only the last. Default: false. */
  readonly returnSequences?: boolean;
  /** Whether sequences are read from their ends. Default: false. */
  readonly goBackwards?: boolean;
}

function convLstm(
  type: "convLstm1d" | "convLstm2d",
  filters: number,
  kernelSize: number | readonly number[],
  options: ConvLstmLayerOptions,
): Layer {
  checkOptions(type, options, ["returnSequences", "goBackwards"]);
  const { returnSequences = false, goBackwards = false } = options;
  const axes = type === "convLstm1d" ? 1 : 2;
  return {
    type,
    build: (shape) => {
      checkRank(type, shape, axes + 2, axes === 1 ? "T, L, F" : "T, H, W, F");
      const [T, ...place] = shape;
      const space = place.slice(0, -1);
      const runner = rnn(convLstmCell(place[axes], filters, space, { kernelSize }));
      const outputs = [...space, filters];
      return {
        outputShape: returnSequences ? [T, ...outputs] : outputs,
        init: (key) => runner.init(key),
        apply: (parameters, { x, mask }) => {
          const run = runner.apply(
            parameters as ReturnType<typeof runner.init>,
            swapAxes(x, 0, 1),
            {
              reverse: goBackwards,
              ...(mask && { mask: swapAxes(mask, 0, 1) }),
            },
          );
          if (!returnSequences) return { x: run.last };
          return { x: swapAxes(run.outputs, 0, 1), ...(mask && { mask }) };
        },
      };
    },
  };
}

/**
 * Long short-term memory over rows, whose products are convolutions: see `convLstmCell`. Space keeps its size, as with
 * Keras's padding "same".
 *
 * Shapes: [B, T, L, F] → [B, L, filters], or [B, T, L, filters] with `returnSequences`.
 *
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.convLstm1d(4, 3)]).predict(ones([1, 5, 8, 2])).shape); // [ 1, 8, 4 ]
 * ```
 */
export function convLstm1d(
  filters: number,
  kernelSize: number,
  options: ConvLstmLayerOptions = {},
): Layer {
  return convLstm("convLstm1d", filters, kernelSize, options);
}

/**
 * Long short-term memory over pictures, whose products are convolutions: see {@link convLstm1d}.
 *
 * Shapes: [B, T, H, W, F] → [B, H, W, filters], or [B, T, H, W, filters] with `returnSequences`.
 *
 * @param kernelSize - One number for both axes, or height and width.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * const model = sequential([layers.convLstm2d(3, 3, { returnSequences: true })]);
 * console.log(model.predict(ones([1, 2, 4, 4, 1])).shape); // [ 1, 2, 4, 4, 3 ]
 * ```
 */
export function convLstm2d(
  filters: number,
  kernelSize: number | readonly [height: number, width: number],
  options: ConvLstmLayerOptions = {},
): Layer {
  return convLstm("convLstm2d", filters, kernelSize, options);
}
