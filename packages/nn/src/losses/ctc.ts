/** @file Connectionist temporal classification: labels without their places in time. */
import {
  add,
  ArgumentError,
  arange,
  broadcastTo,
  checkOptions,
  concat,
  equal,
  expandDims,
  full,
  less,
  logicalAnd,
  logSumExp,
  maximum,
  mul,
  notEqual,
  reshape,
  scan,
  ShapeError,
  slice,
  squeeze,
  stack,
  sub,
  takeAlongAxis,
  tensor,
  type Tensor,
  to,
  where,
  neg,
} from "@tapeloop/autograd";
import { typeOf } from "../sizes.ts";
import { checkInt32, type LossOptions, lossOptions, reduceLosses } from "./reduction.ts";

/** Options of {@link ctcLoss}. */
export interface CtcOptions extends LossOptions {
  /** The number of real steps of each sequence: int32 [B]. Default: all T. */
  readonly inputLengths?: Tensor | readonly number[];
  /** The number of real labels of each sequence: int32 [B]. Default: all S. */
  readonly labelLengths?: Tensor | readonly number[];
  /** The class that stands for nothing. Default: 0. */
  readonly blank?: number;
}

/** The logarithm of 0, as far as finite numbers and their derivatives go. */
const impossible = -1e30;

/**
 * The loss of connectionist temporal classification: −ln of the probability of all ways to say the labels in
 * order within the steps there are, each label in one step or in several on end, with blanks anywhere between.
 *
 * It is computed by the forward recursion in logarithms, a `scan`; its derivative is that of the recursion, exact,
 * and of every order. Sequences that are too short for their labels cost Infinity, with a gradient of 0.
 *
 * Shapes: logProbabilities [T,B,N], labels int32 [B,S] → [], or [B] with the reduction "none". Padding of steps and
 * of labels may hold anything, be it NaN. Units: nats.
 *
 * The mean is over sequences; PyTorch divides each loss by the number of its labels before.
 *
 * Source: Graves, Fernández, Gomez and Schmidhuber 2006, "Connectionist temporal classification", section 4.1,
 * eqs. 6–8.
 *
 * @param logProbabilities - Of all classes at every step, as a `logSoftmax` returns them.
 * @param labels - Classes from 0 and below N, none of them blank.
 * @throws ShapeError if shapes do not fit; DTypeError if labels are not int32.
 * @throws ArgumentError if the blank is no class.
 *
 * @example
 * ```ts
 * import { ctcLoss, log, tensor } from "tapeloop";
 *
 * // Two steps, classes blank and "a": "a" is said by a-, -a and aa, three of four ways.
 * const logProbabilities = log(tensor([[[0.5, 0.5]], [[0.5, 0.5]]]));
 * const loss = ctcLoss(logProbabilities, tensor([[1]], { dtype: "int32" }));
 * console.log(Math.exp(-loss.item()).toFixed(4)); // 0.7500
 * ```
 */
export function ctcLoss(
  logProbabilities: Tensor,
  labels: Tensor,
  options: CtcOptions = {},
): Tensor {
  const op = "ctcLoss";
  checkOptions(op, options, [...lossOptions, "inputLengths", "labelLengths", "blank"]);
  const [T, B, N] = checkShapes(op, logProbabilities, labels);
  const { blank = 0 } = options;
  if (!Number.isInteger(blank) || blank < 0 || blank >= N) {
    throw new ArgumentError(op, `blank is a class, from 0 and below ${N}`, String(blank));
  }
  const S = labels.shape[1];
  const steps = lengthsOf(op, "inputLengths", options.inputLengths, B, T, labels);
  const counts = lengthsOf(op, "labelLengths", options.labelLengths, B, S, labels);
  const dtype = logProbabilities.dtype as "float32" | "float64";

  // Labels with a blank before, between and behind: [B, L], L = 2 S + 1.
  const L = 2 * S + 1;
  const places = arange(0, L, 1, { dtype: "int32" });
  const blanks = to(full([B, S], blank, { dtype: "int32" }), labels.backend);
  const real = where(
    less(arange(0, S, 1, { dtype: "int32" }), expandDims(counts, 1)),
    labels,
    blank,
  );
  const pairs = reshape(stack([blanks, real], { axis: -1 }), [B, 2 * S]);
  const end = to(full([B, 1], blank, { dtype: "int32" }), labels.backend);
  const extended = concat([pairs, end], { axis: 1 });
  // A blank may be left out between two labels that differ.
  const before = concat([to(full([B, 2], blank, { dtype: "int32" }), labels.backend), extended], {
    axis: 1,
  }).slice([{}, { stop: L }]);
  const canSkip = logicalAnd(notEqual(extended, blank), notEqual(extended, before));

  const isReal = less(expandDims(arange(0, T, 1, { dtype: "int32" }), 1), expandDims(steps, 0));
  // What stands behind the end is not looked at, be it NaN.
  const clean = where(expandDims(isReal, 2), logProbabilities, 0);
  const emitted = takeAlongAxis(clean, broadcastTo(expandDims(extended, 0), [T, B, L]), {
    axis: 2,
  });
  const start = broadcastTo(
    where(equal(places, 0), tensor(0, { dtype, backend: labels.backend }), impossible),
    [B, L],
  );
  const never = (count: number): Tensor =>
    to(full([B, count], impossible, { dtype }), labels.backend);
  const [alpha] = scan(
    (_, ways, { log, real: goesOn }: { log: Tensor; real: Tensor }) => {
      const shifted = (by: number): Tensor =>
        slice(concat([never(by), ways], { axis: 1 }), [{}, { stop: L }]);
      const skipped = where(canSkip, shifted(2), impossible);
      const sum = logSumExp(stack([ways, shifted(1), skipped], { axis: 0 }), { axes: 0 });
      const next = maximum(add(sum, log), impossible);
      return [where(expandDims(goesOn, 1), next, ways), null];
    },
    null,
    start,
    { log: emitted, real: isReal },
  );

  // The last label or the blank behind it; without labels only the blank.
  const last = mul(counts, 2);
  const at = (index: Tensor): Tensor =>
    squeeze(takeAlongAxis(alpha, expandDims(index, 1), { axis: 1 }), { axes: 1 });
  const byLabel = where(equal(counts, 0), impossible, at(maximum(sub(last, 1), 0)));
  const total = logSumExp(stack([at(last), byLabel], { axis: 0 }), { axes: 0 });
  return reduceLosses(op, where(less(impossible / 2, total), neg(total), Infinity), options);
}

/** T, B and N. */
function checkShapes(op: string, log: Tensor, labels: Tensor): readonly number[] {
  checkInt32(op, labels);
  const isRight = log.rank === 3 && labels.rank === 2 && log.shape[1] === labels.shape[0];
  if (!isRight || !log.dtype.startsWith("float")) {
    throw new ShapeError(
      op,
      "takes logarithms [T, B, N] and labels [B, S]",
      `${typeOf(log)} and ${typeOf(labels)}`,
    );
  }
  return log.shape;
}

/** Lengths as int32 [B]. */
function lengthsOf(
  op: string,
  name: string,
  given: Tensor | readonly number[] | undefined,
  batch: number,
  most: number,
  like: Tensor,
): Tensor {
  if (given === undefined) return to(full([batch], most, { dtype: "int32" }), like.backend);
  const isList = Array.isArray(given);
  if (isList && !given.every((n) => Number.isInteger(n) && n >= 0 && n <= most)) {
    const rule = `${name} are whole numbers from 0 to ${most}`;
    throw new ArgumentError(op, rule, `[${given.join(", ")}]`);
  }
  const lengths = isList
    ? tensor(Int32Array.from(given), { backend: like.backend })
    : (given as Tensor);
  if (lengths.dtype !== "int32" || lengths.shape.join() !== String(batch)) {
    throw new ShapeError(op, `${name} are int32[${batch}]`, typeOf(lengths));
  }
  return lengths;
}
