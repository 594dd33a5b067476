/** @file vmap: a function of one example, run on many at once. */
import { ArgumentError, checkOptions, ShapeError } from "./errors.ts";
import { type Batch, batching, exampleOf, fullOf } from "./interpreters/batch.ts";
import { recordingLevel } from "./interpreters/record.ts";
import { runIn, Scope } from "./memory.ts";
import { moveAxis } from "./primitives/batching.ts";
import { formatType, normalizeAxis } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { mapTree, namedLeaves, type Tree } from "./tree.ts";

/** How {@link vmap} finds the examples. */
export interface VmapOptions {
  /**
   * Along which axis each argument has its examples; null for arguments that are the same for all.
   * Default: the first axis of every argument.
   */
  readonly inAxes?: readonly (number | null)[];
  /** Along which axis results get theirs. Default: 0. */
  readonly outAxis?: number;
}

/**
 * `f`, written for one example, as a function of many: every op runs once on all of them. Nests with
 * itself and with every derivative; `vmap(grad(loss))` gives a gradient per example.
 *
 * Random ops draw the same numbers for every example unless their key is batched: hand in
 * `stack(splitKey(key, n), { axis: 0 })`.
 *
 * @param f - Takes tensors and trees, returns a tensor or tree. A value cannot be read inside of it.
 * @throws ShapeError if the arguments disagree about the number of examples.
 * @throws TracingError if `f` reads a value that differs between the examples.
 *
 * @example
 * ```ts
 * import { grad, tensor, vmap, type Tensor } from "tapeloop";
 *
 * const square = (x: Tensor) => x.mul(x).sum();
 * const xs = tensor([[1, 2], [3, 4]]);
 * console.log(vmap(square)(xs).toArray()); // [ 5, 25 ]
 * console.log(vmap(grad(square))(xs).toArray()); // [ [ 2, 4 ], [ 6, 8 ] ]
 * ```
 */
export function vmap<A extends readonly Tree[], R extends Tree>(
  f: (...args: A) => R,
  options: VmapOptions = {},
): (...args: A) => R {
  checkOptions("vmap", options, ["inAxes", "outAxis"]);
  return (...args) => {
    const axes = options.inAxes ?? args.map(() => 0);
    if (axes.length !== args.length) {
      throw new ArgumentError(
        "vmap",
        "inAxes names one axis, or null, for each argument",
        `${axes.length} for ${args.length} arguments`,
      );
    }
    const size = countExamples(args, axes);
    return runIn(new Scope("vmap"), () =>
      batching(size, recordingLevel(), (batch) => {
        const examples = args.map((arg, i) => enter(arg, axes[i], batch)) as readonly Tree[] as A;
        return mapTree((y) => leave(y, batch, options.outAxis ?? 0), f(...examples));
      }),
    );
  };
}

/** The number of examples that all arguments agree on. */
function countExamples(args: readonly Tree[], axes: readonly (number | null)[]): number {
  const batched = args.flatMap((arg, i) => {
    const axis = axes[i];
    if (axis === null) return [];
    return namedLeaves(arg).map(({ tensor }) => ({
      tensor,
      size: tensor.shape[normalizeAxis("vmap", axis, tensor)],
    }));
  });
  if (batched.length === 0) {
    throw new ArgumentError("vmap", "at least one argument must have examples", "none");
  }
  const other = batched.find(({ size }) => size !== batched[0].size);
  if (other !== undefined) {
    throw new ShapeError(
      "vmap",
      "all arguments must have the same number of examples",
      `${formatType(batched[0].tensor)} and ${formatType(other.tensor)} (${batched[0].size} ≠ ${other.size})`,
    );
  }
  return batched[0].size;
}

/** An argument as one example sees it. */
function enter(arg: Tree, axis: number | null, batch: Batch): Tree {
  if (axis === null) return arg;
  return mapTree((x) => {
    const full = moveAxis(x, normalizeAxis("vmap", axis, x), 0);
    return exampleOf(full, batch);
  }, arg);
}

/** A result with all its examples; one that does not differ is repeated. */
function leave(y: Tensor, batch: Batch, outAxis: number): Tensor {
  const full = fullOf(y, batch);
  return moveAxis(full, 0, normalizeAxis("vmap", outAxis, full));
}
