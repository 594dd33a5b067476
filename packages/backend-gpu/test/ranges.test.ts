/** @file What is known of whole numbers holds, whatever the numbers are; and float32 has them. */
import {
  type AnyPrimitive,
  type PrimitiveName,
  primitives,
  type TensorType,
} from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { describe, expect, test } from "vitest";
import { isExact, isWithin, mask, type Range, rangeOf } from "../src/ranges.ts";

/** An input: its shape, and between what its elements lie. */
type Given = readonly [shape: readonly number[], low: number, high: number, dtype?: "bool"];

const spans = [{ before: 1, between: 1, after: 0 }];
type Case = readonly [name: PrimitiveName, inputs: readonly Given[], params?: unknown];
const cases: readonly Case[] = [
  ["neg", [[[9], -3, 7]]],
  ["abs", [[[9], -3, 7]]],
  ["abs", [[[9], -9, -2]]],
  ["sign", [[[9], -3, 7]]],
  [
    "add",
    [
      [[9], -3, 7],
      [[9], 2, 4],
    ],
  ],
  [
    "sub",
    [
      [[9], -3, 7],
      [[9], 2, 4],
    ],
  ],
  [
    "mul",
    [
      [[9], -3, 7],
      [[9], -5, 4],
    ],
  ],
  [
    "maximum",
    [
      [[9], -3, 7],
      [[9], 2, 4],
    ],
  ],
  [
    "equal",
    [
      [[9], 0, 2],
      [[9], 1, 3],
    ],
  ],
  [
    "equal",
    [
      [[9], 0, 2],
      [[9], 5, 6],
    ],
  ],
  [
    "equal",
    [
      [[9], 4, 4],
      [[9], 4, 4],
    ],
  ],
  [
    "less",
    [
      [[9], 0, 2],
      [[9], 1, 3],
    ],
  ],
  [
    "less",
    [
      [[9], 0, 2],
      [[9], 3, 4],
    ],
  ],
  [
    "less",
    [
      [[9], 3, 4],
      [[9], 1, 3],
    ],
  ],
  [
    "where",
    [
      [[9], 0, 1, "bool"],
      [[9], -3, 7],
      [[9], 12, 14],
    ],
  ],
  [
    "where",
    [
      [[9], 1, 1, "bool"],
      [[9], -3, 7],
      [[9], 12, 14],
    ],
  ],
  [
    "where",
    [
      [[9], 0, 0, "bool"],
      [[9], -3, 7],
      [[9], 12, 14],
    ],
  ],
  ["cast", [[[9], 0, 1, "bool"]], { dtype: "int32" }],
  ["cast", [[[9], -1, 1]], { dtype: "bool" }],
  ["cast", [[[9], 2, 5]], { dtype: "bool" }],
  ["cast", [[[9], 0, 0]], { dtype: "bool" }],
  [
    "concat",
    [
      [[4], -3, 7],
      [[2], 9, 11],
    ],
    { axis: 0 },
  ],
  ["pad", [[[4], 2, 7]], { spans, value: -5 }],
  ["reshape", [[[4], 2, 7]], { shape: [2, 2] }],
  [
    "gather",
    [
      [[4], 20, 70],
      [[3], 0, 3],
    ],
    { axis: 0 },
  ],
  [
    "scatterAdd",
    [
      [[6], 2, 7],
      [[6], 0, 1],
    ],
    { axis: 0, size: 3 },
  ],
  ["max", [[[3, 5], -3, 7]], { axes: [1] }],
  ["sum", [[[3, 5], -3, 7]], { axes: [1] }],
  ["sum", [[[3, 5], 2, 7]], { axes: [0, 1] }],
  ["cumsum", [[[3, 5], 2, 7]], { axis: 1, reverse: false }],
  ["argmax", [[[3, 5], -3, 7]], { axis: 0 }],
  ["argsort", [[[3, 5], -3, 7]], { axis: 1 }],
  [
    "dotGeneral",
    [
      [[3, 5], -3, 7],
      [[5, 2], -2, 4],
    ],
    {
      batch: [[], []],
      contract: [[1], [0]],
    },
  ],
  ["fill", [], { shape: [3], dtype: "int32", value: 8 }],
  ["iota", [], { shape: [6], dtype: "int32" }],
];

describe("the range of", () => {
  test.each(
    cases.map((each) => ({ what: `${each[0]} of ${JSON.stringify(each.slice(1))}`, each })),
  )("$what", ({ each: [name, given, params = null] }) => {
    const types = given.map((each): TensorType => ({ shape: each[0], dtype: each[3] ?? "int32" }));
    const { type: infer } = primitives[name] as AnyPrimitive;
    const type = infer(types, params) as TensorType;
    const ranged = types.map((each, i) => ({
      ...each,
      range: { low: given[i][1], high: given[i][2] },
    }));
    const { low, high } = rangeOf(name, params, ranged, type) as Range;
    const kernel = ndarrayBackend.kernels[name] as (...o: unknown[]) => never;
    let [least, greatest] = [Infinity, -Infinity];
    for (let turn = 0; turn < 200; turn++) {
      const arrays = given.map(([shape, from, to, dtype], k) => {
        const size = shape.reduce((a, b) => a * b, 1);
        // All of the least and all of the greatest come up, too.
        const one = (i: number): number =>
          turn < 4
            ? (turn >> (k % 2)) % 2 === 0
              ? from
              : to
            : from + ((turn * 7 + i * (turn + 3) + k * 5) % (to - from + 1));
        const data = Array.from({ length: size }, (_, i) => one(i));
        const typed = dtype === "bool" ? Uint8Array.from(data) : Int32Array.from(data);
        return ndarrayBackend.upload(typed, types[k]);
      });
      for (const v of ndarrayBackend.readSync(kernel(arrays, params, type), type)) {
        least = Math.min(least, v);
        greatest = Math.max(greatest, v);
      }
    }
    expect(least).toBeGreaterThanOrEqual(low);
    expect(greatest).toBeLessThanOrEqual(high);
    // None of them is wider than it must be, but for what adds some of the elements.
    if (name !== "scatterAdd") expect([least, greatest]).toEqual([low, high]);
  });
});

test("nothing is known of real numbers, of what comes from them, and of ops without a rule", () => {
  const float = { shape: [2], dtype: "float32", range: null } as const;
  const int = { shape: [2], dtype: "int32", range: { low: 1, high: 5 } } as const;
  expect(rangeOf("add", null, [float, float], float)).toBeNull();
  expect(rangeOf("cast", { dtype: "int32" }, [float], int)).toBeNull();
  expect(rangeOf("rem", null, [int, int], int)).toBeNull();
  expect(rangeOf("less", null, [float, float], { shape: [2], dtype: "bool" })).toEqual(mask);
});

test("float32 has whole numbers as far as 2²⁴, and indices are below the size of their axis", () => {
  expect(isExact({ low: -(2 ** 24), high: 2 ** 24 })).toBe(true);
  expect([isExact({ low: 0, high: 2 ** 24 + 1 }), isExact(null)]).toEqual([false, false]);
  expect(isExact({ low: -(2 ** 24) - 1, high: 0 })).toBe(false);
  expect(isWithin({ low: 0, high: 4 }, 5)).toBe(true);
  expect([isWithin({ low: 0, high: 5 }, 5), isWithin({ low: -1, high: 4 }, 5)]).toEqual([
    false,
    false,
  ]);
  expect(isWithin(null, 5)).toBe(false);
});
