/**
 * @file Random shapes and axes: broadcasting, reductions and movement against plain index arithmetic, and
 * their gradients against counting.
 */
import {
  add,
  AxisError,
  argmax,
  broadcastTo,
  concat,
  flip,
  gather,
  grad,
  max,
  mean,
  mul,
  pad,
  permute,
  reshape,
  scatterAdd,
  setDefaultBackend,
  ShapeError,
  slice,
  split,
  squeeze,
  stack,
  sum,
  type Tensor,
  tensor,
  unstack,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { indicesOf, sizeOf } from "../conformance/plain.ts";

beforeAll(() => setDefaultBackend(ndarrayBackend));

const runs = { numRuns: 300, seed: Number(process.env["PROGRAMS_SEED"] ?? 1) };
type Sizes = readonly number[];

const sizes = fc.integer({ min: 0, max: 4 });
const shape = fc.array(sizes, { maxLength: 4 });
const notEmpty = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });

/** Whole numbers that are all different, so that sums are exact and nothing is taken for another. */
function counted(of: Sizes, start = 1): Tensor {
  const data = Float64Array.from({ length: sizeOf(of) }, (_, i) => start + i);
  return tensor(data, { shape: of });
}

/** Fails unless x has this shape, and at each index the element that the definition gives. */
function expectAt(x: Tensor, of: Sizes, element: (index: number[]) => number): void {
  expect(x.shape).toEqual(of);
  expect([...x.dataSync()]).toEqual(indicesOf(of).map(element));
}

/** The element at an index of {@link counted}. */
function countAt(of: Sizes, index: Sizes, start = 1): number {
  return start + index.reduce((place, i, axis) => place * of[axis] + i, 0);
}

/** The weight that gradients are taken with: the cotangent at each place of the result. */
function gradientOf(f: (x: Tensor) => Tensor, x: Tensor): Tensor {
  return grad((at: Tensor) => {
    const y = f(at);
    return sum(mul(y, counted(y.shape, 2)));
  })(x);
}

/**
 * Fails unless the gradient is what the definition says: each element of the result gives its cotangent
 * to the one element of x that it came from.
 */
function expectMoved(
  f: (x: Tensor) => Tensor,
  of: Sizes,
  to: Sizes,
  from: (index: number[]) => number[] | null,
  filling = 0,
): void {
  expectAt(f(counted(of)), to, (index) => {
    const source = from(index);
    return source === null ? filling : countAt(of, source);
  });
  const expected = new Map<string, number>();
  for (const index of indicesOf(to)) {
    const source = from(index)?.join();
    if (source !== undefined) {
      expected.set(source, (expected.get(source) ?? 0) + countAt(to, index, 2));
    }
  }
  expectAt(gradientOf(f, counted(of)), of, (index) => expected.get(index.join()) ?? 0);
}

/** A shape, and some of its axes, by their bits. */
const withAxes = (of: fc.Arbitrary<number[]>): fc.Arbitrary<readonly [number[], number[]]> =>
  of.chain((found) =>
    fc.tuple(
      fc.constant(found),
      fc.subarray(
        found.map((_, i) => i),
        { minLength: 0 },
      ),
    ),
  );

/** A shape with at least one axis, and one of them. */
const withAxis = fc
  .array(sizes, { minLength: 1, maxLength: 4 })
  .chain((found) => fc.tuple(fc.constant(found), fc.nat(found.length - 1)));

describe("broadcasting", () => {
  test("reads each operand at its own index, and sums the cotangents back", () => {
    const pairs = shape.chain((full) =>
      fc.tuple(
        fc.constant(full),
        fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }),
        fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }),
        fc.nat(full.length),
        fc.boolean(),
      ),
    );
    fc.assert(
      fc.property(pairs, ([full, ones, others, cut, isSwapped]) => {
        const left = full.map((n, i) => (ones[i] ? 1 : n));
        const right = full.map((n, i) => (others[i] ? 1 : n)).slice(cut);
        const result = full.map((n, i) => (ones[i] && (i < cut || others[i]) ? 1 : n));
        const seen = (of: Sizes, index: number[]): number[] =>
          of.map((n, i) => (n === 1 ? 0 : index[result.length - of.length + i]));
        const [x, y] = [counted(left), counted(right, 100)];
        const both = isSwapped ? add(y, x) : add(x, y);
        expectAt(
          both,
          result,
          (index) => countAt(left, seen(left, index)) + countAt(right, seen(right, index), 100),
        );
        const g = gradientOf((at) => add(x, at), y);
        const sums = new Map<string, number>();
        for (const index of indicesOf(result)) {
          const place = seen(right, index).join();
          sums.set(place, (sums.get(place) ?? 0) + countAt(result, index, 2));
        }
        expectAt(g, right, (index) => sums.get(index.join()) ?? 0);
      }),
      runs,
    );
  });

  test("refuses, with both shapes, what NumPy refuses", () => {
    fc.assert(
      fc.property(shape, shape, (a, b) => {
        const rank = Math.max(a.length, b.length);
        const fits = Array.from({ length: rank }, (_, i) => {
          const [m, n] = [a[a.length - 1 - i] ?? 1, b[b.length - 1 - i] ?? 1];
          return m === n || m === 1 || n === 1;
        }).every(Boolean);
        const call = (): Tensor => add(counted(a), counted(b));
        if (fits) expect(call().rank).toBe(rank);
        else {
          expect(call).toThrow(ShapeError);
          expect(call).toThrow(`float64[${a.join(",")}] and float64[${b.join(",")}]`);
        }
      }),
      runs,
    );
  });

  test("broadcastTo repeats", () => {
    const cases = withAxes(shape).chain((found) =>
      fc.tuple(fc.constant(found), fc.array(sizes, { maxLength: 2 })),
    );
    fc.assert(
      fc.property(cases, ([[to, axes], front]) => {
        const of = to.map((n, i) => (axes.includes(i) ? 1 : n));
        const full = [...front, ...to];
        expectMoved(
          (x) => broadcastTo(x, full),
          of,
          full,
          (index) => index.slice(front.length).map((at, i) => (axes.includes(i) ? 0 : at)),
        );
      }),
      runs,
    );
  });
});

describe("reductions", () => {
  /** The indices of the elements that go into one. */
  const into = (of: Sizes, axes: Sizes, index: Sizes): number[][] =>
    indicesOf(of.map((n, i) => (axes.includes(i) ? n : 1))).map((offset) =>
      offset.map((o, i) => (axes.includes(i) ? o : index[i])),
    );

  const cases = fc.tuple(withAxes(shape), fc.boolean(), fc.boolean());

  test("sum and mean add the elements along the axes, in any order and sign of the axes", () => {
    fc.assert(
      fc.property(cases, ([[of, axes], keepAxes, isNegative]) => {
        const named = axes.map((axis) => (isNegative ? axis - of.length : axis)).toReversed();
        const kept = of.map((n, i) => (axes.includes(i) ? 1 : n));
        const x = counted(of);
        const total = sum(x, { axes: named, keepAxes });
        const result = keepAxes ? kept : of.filter((_, i) => !axes.includes(i));
        const sums = indicesOf(kept).map((index) =>
          into(of, axes, index).reduce((t, at) => t + countAt(of, at), 0),
        );
        expect(total.shape).toEqual(result);
        expect([...total.dataSync()]).toEqual(sums);
        const count = axes.reduce((n, axis) => n * of[axis], 1);
        const means = mean(x, { axes: named, keepAxes });
        expect(means.shape).toEqual(result);
        expect([...means.dataSync()]).toEqual(sums.map((t) => t / count));
        expectAt(
          gradientOf((at) => sum(at, { axes: named, keepAxes }), x),
          of,
          (index) =>
            countAt(
              kept,
              index.map((at, i) => (axes.includes(i) ? 0 : at)),
              2,
            ),
        );
      }),
      runs,
    );
  });

  test("max finds the greatest along the axes, and refuses to choose from nothing", () => {
    fc.assert(
      fc.property(cases, ([[of, axes], keepAxes]) => {
        const x = counted(of);
        if (axes.some((axis) => of[axis] === 0)) {
          expect(() => max(x, { axes, keepAxes })).toThrow(ShapeError);
          return;
        }
        const kept = of.map((n, i) => (axes.includes(i) ? 1 : n));
        const wanted = indicesOf(kept).map((index) =>
          Math.max(...into(of, axes, index).map((at) => countAt(of, at))),
        );
        expect([...max(x, { axes, keepAxes }).dataSync()]).toEqual(wanted);
      }),
      runs,
    );
  });

  test("argmax finds the place, the first of equal ones", () => {
    const rows = fc.array(
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 }),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(rows, (list) => {
        const wanted = list.map((row) => row.indexOf(Math.max(...row)));
        expect(argmax(tensor(list)).toArray()).toEqual(wanted);
        expect(argmax(tensor(list).transpose(), { axis: -2 }).toArray()).toEqual(wanted);
      }),
      runs,
    );
  });

  test("refuse axes that are not there, or twice", () => {
    fc.assert(
      fc.property(shape, fc.integer({ min: -9, max: 9 }), (of, axis) => {
        const x = counted(of);
        const isThere = axis >= -of.length && axis < of.length;
        if (isThere) expect(() => sum(x, { axes: [axis, axis] })).toThrow(AxisError);
        else expect(() => sum(x, { axes: axis })).toThrow(AxisError);
        expect(() => sum(x, { axes: axis + 0.5 })).toThrow(AxisError);
      }),
      runs,
    );
  });
});

describe("movement", () => {
  test("permute", () => {
    const cases = shape.chain((of) =>
      fc.tuple(
        fc.constant(of),
        fc.shuffledSubarray(
          of.map((_, i) => i),
          { minLength: of.length },
        ),
      ),
    );
    fc.assert(
      fc.property(cases, ([of, axes]) => {
        expectMoved(
          (x) => permute(x, axes),
          of,
          axes.map((axis) => of[axis]),
          (index) => of.map((_, i) => index[axes.indexOf(i)]),
        );
      }),
      runs,
    );
  });

  test("reshape and squeeze keep the order of the elements", () => {
    fc.assert(
      fc.property(notEmpty, fc.nat(4), (of, place) => {
        const flat = sizeOf(of);
        expectMoved(
          (x) => reshape(x, [flat, -1]),
          of,
          [flat, 1],
          ([i]) => indicesOf(of)[i],
        );
        const open = of.toSpliced(Math.min(place, of.length), 0, 1);
        expectMoved(
          (x) => squeeze(x, { axes: Math.min(place, of.length) }),
          open,
          of,
          (index) => index.toSpliced(Math.min(place, of.length), 0, 0),
        );
      }),
      runs,
    );
  });

  test("slice takes what Python's start:stop:step takes", () => {
    const bound = fc.option(fc.integer({ min: -7, max: 7 }), { nil: undefined });
    const step = fc.integer({ min: -3, max: 3 }).filter((n) => n !== 0);
    const range = fc.record({ start: bound, stop: bound, step });
    /** Python's rule, by trying every place: from the start on, as long as the stop is not reached. */
    const taken = (
      size: number,
      { start, stop, step: by }: { start?: number; stop?: number; step: number },
    ): number[] => {
      const from = (place: number): number => (place < 0 ? place + size : place);
      let at = start === undefined ? (by > 0 ? 0 : size - 1) : from(start);
      if (by > 0) at = Math.max(at, 0);
      else at = Math.min(at, size - 1);
      const end = stop === undefined ? (by > 0 ? size : -1) : Math.max(from(stop), -1);
      const places: number[] = [];
      for (; by > 0 ? at < end : at > end; at += by) {
        if (at >= 0 && at < size) places.push(at);
        else break;
      }
      return places;
    };
    const cases = shape.chain((of) =>
      fc.tuple(fc.constant(of), fc.array(range, { minLength: of.length, maxLength: of.length })),
    );
    fc.assert(
      fc.property(cases, ([of, ranges]) => {
        const clean = ranges.map(({ start, stop, step: by }) => ({
          ...(start === undefined ? {} : { start }),
          ...(stop === undefined ? {} : { stop }),
          step: by,
        }));
        const places = of.map((n, i) => taken(n, clean[i]));
        expectMoved(
          (x) => slice(x, clean),
          of,
          places.map((list) => list.length),
          (index) => index.map((at, i) => places[i][at]),
        );
      }),
      { ...runs, numRuns: 600 },
    );
  });

  test("flip", () => {
    fc.assert(
      fc.property(withAxes(shape), ([of, axes]) => {
        expectMoved(
          (x) => flip(x, { axes }),
          of,
          of,
          (index) => index.map((at, i) => (axes.includes(i) ? of[i] - 1 - at : at)),
        );
      }),
      runs,
    );
  });

  test("pad", () => {
    const cases = shape.chain((of) =>
      fc.tuple(
        fc.constant(of),
        fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { minLength: of.length, maxLength: of.length }),
      ),
    );
    fc.assert(
      fc.property(cases, ([of, widths]) => {
        expectMoved(
          (x) => pad(x, widths, { value: -7 }),
          of,
          of.map((n, i) => n + widths[i][0] + widths[i][1]),
          (index) => {
            const source = index.map((at, i) => at - widths[i][0]);
            return source.every((at, i) => at >= 0 && at < of[i]) ? source : null;
          },
          -7,
        );
      }),
      runs,
    );
  });

  test("concat puts one behind the other, and split takes them apart again", () => {
    const cases = withAxis.chain((found) =>
      fc.tuple(fc.constant(found), fc.array(sizes, { minLength: 1, maxLength: 4 })),
    );
    fc.assert(
      fc.property(cases, ([[of, axis], pieces]) => {
        const list = pieces.map((n, i) => counted(of.with(axis, n), 1000 * i));
        const whole = concat(list, { axis: axis - of.length });
        const starts = pieces.map((_, i) => pieces.slice(0, i).reduce((a, b) => a + b, 0));
        const total = pieces.reduce((a, b) => a + b, 0);
        expectAt(whole, of.with(axis, total), (index) => {
          const piece = pieces.findLastIndex((n, i) => n > 0 && starts[i] <= index[axis]);
          const at = index.with(axis, index[axis] - starts[piece]);
          return countAt(of.with(axis, pieces[piece]), at, 1000 * piece);
        });
        split(whole, pieces, { axis }).forEach((piece, i) => {
          expect(piece.shape).toEqual(list[i].shape);
          expect([...piece.dataSync()]).toEqual([...list[i].dataSync()]);
        });
        pieces.forEach((n, i) =>
          expectMoved(
            (x) => split(x, pieces, { axis })[i],
            of.with(axis, total),
            of.with(axis, n),
            (index) => index.with(axis, index[axis] + starts[i]),
          ),
        );
      }),
      runs,
    );
  });

  test("stack makes a new axis, and unstack takes it away", () => {
    fc.assert(
      fc.property(shape, fc.nat(4), fc.integer({ min: 1, max: 3 }), (of, place, count) => {
        const axis = place % (of.length + 1);
        const list = Array.from({ length: count }, (_, i) => counted(of, 1000 * i));
        const whole = stack(list, { axis });
        expectAt(whole, of.toSpliced(axis, 0, count), (index) =>
          countAt(of, index.toSpliced(axis, 1), 1000 * index[axis]),
        );
        const apart = unstack(whole, { axis });
        expect(apart.map((x) => x.dataSync())).toEqual(list.map((x) => x.dataSync()));
      }),
      runs,
    );
  });

  test("gather reads, and scatterAdd adds, at any places along any axis", () => {
    const cases = fc
      .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 })
      .chain((of) => fc.tuple(fc.constant(of), fc.nat(of.length - 1)))
      .chain(([of, axis]) =>
        fc.tuple(
          fc.constant(of),
          fc.constant(axis),
          fc.array(fc.nat(of[axis] - 1), { maxLength: 5 }),
          fc.array(fc.nat(6), { minLength: of[axis], maxLength: of[axis] }),
        ),
      );
    fc.assert(
      fc.property(cases, ([of, axis, places, targets]) => {
        const at = tensor(Int32Array.from(places));
        expectMoved(
          (x) => gather(x, at, { axis }),
          of,
          of.with(axis, places.length),
          (index) => index.with(axis, places[index[axis]]),
        );
        const into = tensor(Int32Array.from(targets));
        const result = scatterAdd(counted(of), into, { axis, size: 7 });
        expectAt(result, of.with(axis, 7), (index) =>
          targets.reduce(
            (total, target, i) =>
              target === index[axis] ? total + countAt(of, index.with(axis, i)) : total,
            0,
          ),
        );
        expectAt(
          gradientOf((x) => scatterAdd(x, into, { axis, size: 7 }), counted(of)),
          of,
          (index) => countAt(of.with(axis, 7), index.with(axis, targets[index[axis]]), 2),
        );
      }),
      runs,
    );
  });
});
