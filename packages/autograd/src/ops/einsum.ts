/** @file Contractions by name (einsum) and by number (tensordot) of axes. */
import { isFloat, promote } from "../dtype.ts";
import { ArgumentError, AxisError, describe, ShapeError } from "../errors.ts";
import { floatOperand, toTensor } from "../operands.ts";
import { cast } from "../primitives/choice.ts";
import { dotGeneral } from "../primitives/contraction.ts";
import { permute, reshape } from "../primitives/movement.ts";
import { sum } from "../primitives/reduce.ts";
import { formatType, formatTypes, normalizeAxis } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { diagonal } from "./matrices.ts";

/** Operands of one floating-point type. */
function factors(operands: readonly TensorLike[]): Tensor[] {
  const list = operands.map(toTensor);
  const dtype = list.map((x) => x.dtype).reduce(promote);
  return list.map((x) => (isFloat(dtype) ? cast(x, dtype) : floatOperand(x)));
}

/**
 * Sums of products over axes of two tensors. The result has the remaining axes of x, then those of y.
 *
 * @param axes - How many: the last of x with the first of y, in order; or which, [of x, of y]. Default: 2.
 * @throws ShapeError if axes that go together differ in size.
 *
 * @example
 * ```ts
 * import { ones, tensordot } from "tapeloop";
 *
 * console.log(tensordot(ones([2, 3, 4]), ones([4, 5]), 1).shape); // [ 2, 3, 5 ]
 * console.log(tensordot(ones([2, 3, 4]), ones([4, 3]), [[1, 2], [1, 0]]).toArray()); // [ 12, 12 ]
 * ```
 */
export function tensordot(
  x: TensorLike,
  y: TensorLike,
  axes: number | readonly [readonly number[], readonly number[]] = 2,
): Tensor {
  const [a, b] = factors([x, y]);
  if (typeof axes === "number") {
    if (!Number.isInteger(axes) || axes < 0 || axes > Math.min(a.rank, b.rank)) {
      throw new AxisError(
        "tensordot",
        "both operands need as many axes as are summed",
        `${axes} for ${formatTypes([a, b])}`,
      );
    }
    const counted = Array.from({ length: axes }, (_, i) => i);
    return contracted(a, b, [counted.map((i) => a.rank - axes + i), counted]);
  }
  if (!Array.isArray(axes) || axes.length !== 2 || !axes.every(Array.isArray)) {
    throw new AxisError(
      "tensordot",
      "axes are a number, or [axes of x, axes of y]",
      describe(axes),
    );
  }
  return contracted(a, b, [
    axes[0].map((axis) => normalizeAxis("tensordot", axis, a)),
    axes[1].map((axis) => normalizeAxis("tensordot", axis, b)),
  ]);
}

/** The contraction for {@link tensordot}, with its errors. */
function contracted(a: Tensor, b: Tensor, contract: readonly [number[], number[]]): Tensor {
  const [xs, ys] = contract;
  if (xs.length !== ys.length || [xs, ys].some((list) => new Set(list).size !== list.length)) {
    throw new AxisError(
      "tensordot",
      "as many axes of one operand as of the other, each named once",
      `[${xs.join(", ")}] and [${ys.join(", ")}]`,
    );
  }
  const wrong = xs.findIndex((axis, i) => a.shape[axis] !== b.shape[ys[i]]);
  if (wrong >= 0) {
    const [m, n] = [a.shape[xs[wrong]], b.shape[ys[wrong]]];
    throw new ShapeError(
      "tensordot",
      "axes that go together must agree in size",
      `${formatTypes([a, b])} (${m} ≠ ${n})`,
    );
  }
  return dotGeneral(a, b, { batch: [[], []], contract });
}

/** A tensor whose axes have names; no name stands twice. */
interface Named {
  readonly x: Tensor;
  readonly names: readonly string[];
}

/** The formula of {@link einsum}: the names of every operand's axes, and of the result's. */
interface Formula {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

/** Letters of a term; "..." becomes the names "0", "1", … of as many axes as it stands for, the last "0". */
function namesIn(formula: string, term: string, hidden: number): string[] {
  const parts = term.split("...");
  if (parts.length > 2 || !/^[A-Za-z]*$/.test(parts.join(""))) {
    throw new ArgumentError("einsum", "axes are named by letters, and … by ... once", formula);
  }
  const dots = Array.from({ length: hidden }, (_, i) => String(hidden - 1 - i));
  const [front, back] = parts.map((part) => part.split(""));
  return back === undefined ? front : front.concat(dots, back);
}

/** Reads a formula for operands of the given ranks. */
function parse(formula: string, operands: readonly Tensor[]): Formula {
  const [left, right, ...more] = formula.replaceAll(/\s/g, "").split("->");
  const terms = left.split(",");
  if (more.length > 0 || terms.length !== operands.length) {
    throw new ArgumentError(
      "einsum",
      "the formula needs one term for each operand, and at most one ->",
      `"${formula}" for ${operands.length} operands`,
    );
  }
  const hidden = terms.map((term, i) =>
    term.includes("...") ? operands[i].rank - (term.length - 3) : 0,
  );
  const inputs = terms.map((term, i) => namesIn(formula, term, Math.max(0, hidden[i])));
  inputs.forEach((names, i) => {
    if (names.length !== operands[i].rank) {
      throw new ShapeError(
        "einsum",
        `"${terms[i]}" must name every axis`,
        formatType(operands[i]),
        "Write ... for axes that need no name.",
      );
    }
  });
  const most = Math.max(0, ...hidden);
  const all = inputs.flat();
  // Without -> the result has the axes of ..., then those that are named once, in the order of letters.
  const once = [...new Set(all)].filter(
    (name) => all.filter((other) => other === name).length === 1,
  );
  const output =
    right === undefined
      ? [...namesIn(formula, "...", most), ...once.filter((name) => /\D/.test(name)).toSorted()]
      : namesIn(formula, right, most);
  const unknown = output.find((name) => !all.includes(name));
  if (unknown !== undefined || new Set(output).size !== output.length) {
    throw new ArgumentError(
      "einsum",
      "the result names axes of the operands, each once",
      `"${formula}"`,
    );
  }
  return { inputs, output };
}

/** The size of every named axis; of sizes that differ, one is 1 and repeated. */
function sizesOf(formula: string, operands: readonly Named[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { x, names } of operands) {
    names.forEach((name, axis) => {
      const [known, size] = [sizes.get(name) ?? 1, x.shape[axis]];
      if (known !== 1 && size !== 1 && known !== size) {
        throw new ShapeError(
          "einsum",
          `axes of one name must agree in size or be 1: "${formula}"`,
          `${formatTypes(operands.map((operand) => operand.x))} (${known} ≠ ${size})`,
        );
      }
      sizes.set(name, known === 1 ? size : known);
    });
  }
  return sizes;
}

/** An operand in which every name stands once: equal names mean the diagonal. */
function withoutRepeats(formula: string, { x, names }: Named): Named {
  const second = names.findIndex((name, i) => names.indexOf(name) < i);
  if (second < 0) return { x, names };
  const first = names.indexOf(names[second]);
  if (x.shape[first] !== x.shape[second]) {
    throw new ShapeError(
      "einsum",
      `axes of one name must agree in size: "${formula}"`,
      formatType(x),
    );
  }
  const rest = names.filter((_, i) => i !== first && i !== second);
  return withoutRepeats(formula, {
    x: diagonal(x, { axes: [first, second] }),
    names: [...rest, names[second]],
  });
}

/** An operand without the axes of size 1 that others have longer: they are repeated by not being there. */
function withoutOnes({ x, names }: Named, sizes: ReadonlyMap<string, number>): Named {
  const stays = names.map((name, i) => x.shape[i] === sizes.get(name));
  return {
    x: reshape(
      x,
      x.shape.filter((_, i) => stays[i]),
    ),
    names: names.filter((_, i) => stays[i]),
  };
}

/** An operand with the axes summed that nobody else names. */
function summed({ x, names }: Named, needed: ReadonlySet<string>): Named {
  const axes = names.flatMap((name, i) => (needed.has(name) ? [] : [i]));
  return axes.length === 0
    ? { x, names }
    : { x: sum(x, { axes }), names: names.filter((name) => needed.has(name)) };
}

/** The product of two operands, summed over the names that both have and nobody needs afterwards. */
function product(a: Named, b: Named, needed: ReadonlySet<string>): Named {
  const shared = a.names.filter((name) => b.names.includes(name));
  const batch = shared.filter((name) => needed.has(name));
  const contract = shared.filter((name) => !needed.has(name));
  const axesOf = (names: readonly string[]): [number[], number[]] => [
    names.map((name) => a.names.indexOf(name)),
    names.map((name) => b.names.indexOf(name)),
  ];
  const x = dotGeneral(a.x, b.x, { batch: axesOf(batch), contract: axesOf(contract) });
  const free = (names: readonly string[]): string[] => names.filter((n) => !shared.includes(n));
  return { x, names: [...batch, ...free(a.names), ...free(b.names)] };
}

/**
 * Products of tensors, summed over the axes that the result does not name. Letters name axes: those with one
 * name run together. A letter twice in one term takes the diagonal, `...` stands for axes that need no
 * name and are broadcast. Without `->` the result has the letters that occur once, in their order.
 *
 * Operands are multiplied from left to right; each step sums what later ones do not need.
 *
 * @param formula - Such as "bij,bjk->bik".
 * @throws ArgumentError for formulas that cannot be read.
 * @throws ShapeError if the operands do not fit the formula.
 *
 * @example
 * ```ts
 * import { arange, einsum, ones } from "tapeloop";
 *
 * const x = arange(4).reshape([2, 2]);
 * console.log(einsum("ij->ji", x).toArray()); // [ [ 0, 2 ], [ 1, 3 ] ]
 * console.log(einsum("ii", x).item()); // 3
 * console.log(einsum("bhqd,bhkd->bhqk", ones([2, 4, 5, 8]), ones([2, 4, 6, 8])).shape); // [ 2, 4, 5, 6 ]
 * ```
 */
export function einsum(formula: string, ...operands: readonly TensorLike[]): Tensor {
  if (operands.length === 0) {
    throw new ArgumentError("einsum", "needs at least one operand", `none for "${formula}"`);
  }
  const tensors = factors(operands);
  const { inputs, output } = parse(formula, tensors);
  const named = tensors.map((x, i) => withoutRepeats(formula, { x, names: inputs[i] }));
  const sizes = sizesOf(formula, named);
  const list = named.map((operand) => withoutOnes(operand, sizes));
  const neededAfter = (i: number): Set<string> =>
    new Set([...output, ...list.slice(i + 1).flatMap(({ names }) => names)]);
  const first = list.length > 1 ? list[0] : summed(list[0], neededAfter(0));
  const result = list.slice(1).reduce((total, next, i) => {
    const needed = neededAfter(i + 1);
    // What only one of the two has, and nobody needs, is summed before they meet.
    const left = summed(total, new Set([...needed, ...next.names]));
    const right = summed(next, new Set([...needed, ...total.names]));
    return product(left, right, needed);
  }, first);
  return permute(
    result.x,
    output.map((name) => result.names.indexOf(name)),
  );
}
