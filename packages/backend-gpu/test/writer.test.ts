import { describe, expect, test } from "vitest";
import { constant, rejoined, sumOf, variable, written } from "../src/places.ts";
import { leafOf, opOf, type Value } from "../src/value.ts";
import { writeKernel } from "../src/writer.ts";

const float = (...shape: number[]) => ({ shape, dtype: "float32" as const });
const leaf = (source: number, ...shape: number[]): Value =>
  leafOf(
    float(...shape),
    source,
    shape.reduce((a, b) => a * b, 1),
  );

describe("places", () => {
  test("are sums of multiples", () => {
    const [i, j] = [variable("i"), variable("j")];
    const place = sumOf([
      [sumOf([[i, 2]], 1), 3],
      [j, -1],
    ]);
    expect(written(place)).toBe("i * 6 + 3 - j");
    expect(
      written(
        sumOf([
          [place, 1],
          [i, -6],
          [j, 1],
        ]),
      ),
    ).toBe("3");
    expect(written(constant(0))).toBe("0");
  });

  test("are put together again where all parts are there", () => {
    const divisions = [{ whole: variable("i"), parts: [["q", 5] as const, ["r", 1] as const] }];
    const both = sumOf(
      [
        [variable("q"), 10],
        [variable("r"), 2],
      ],
      7,
    );
    expect(written(rejoined(both, divisions))).toBe("i * 2 + 7");
    const other = sumOf([
      [variable("q"), 10],
      [variable("r"), 1],
    ]);
    expect(written(rejoined(other, divisions))).toBe("q * 10 + r");
  });
});

describe("kernels", () => {
  test("read arrays in order without any division", () => {
    const sum = opOf("add", null, [leaf(0, 3, 4), leaf(1, 3, 4)], float(3, 4));
    expect(writeKernel(sum).source).toMatchInlineSnapshot(`
      "function (t0, t1) {
      const i = this.thread.x;
      const v2 = t0[i];
      const v3 = t1[i];
      const v4 = v2 + v3;
      return v4;
      }"
    `);
  });

  test("divide once for a row that is repeated, and compute once what is needed twice", () => {
    const row = opOf("broadcastTo", { shape: [3, 4] }, [leaf(1, 4)], float(3, 4));
    const sum = opOf("add", null, [leaf(0, 3, 4), row], float(3, 4));
    const square = opOf("mul", null, [sum, sum], float(3, 4));
    expect(writeKernel(square).source).toMatchInlineSnapshot(`
      "function (t0, t1) {
      const i = this.thread.x;
      let q0 = Math.floor((i) / 4);
      let r1 = (i) - q0 * 4;
      if (r1 < 0) { q0 = q0 - 1; r1 = r1 + 4; }
      if (r1 >= 4) { q0 = q0 + 1; r1 = r1 - 4; }
      const v2 = t0[i];
      const v3 = t1[r1];
      const v4 = v2 + v3;
      const v5 = v4 * v4;
      return v5;
      }"
    `);
  });

  test("take what follows a product along", () => {
    const axes = { batch: [[], []], contract: [[1], [0]] };
    const dot = opOf("dotGeneral", axes, [leaf(0, 2, 5), leaf(1, 5, 3)], float(2, 3));
    const y = opOf("tanh", null, [dot], float(2, 3));
    expect(writeKernel(y).source).toMatchInlineSnapshot(`
      "function (t0, t1) {
      const i = this.thread.x;
      let q0 = Math.floor((i) / 3);
      let r1 = (i) - q0 * 3;
      if (r1 < 0) { q0 = q0 - 1; r1 = r1 + 3; }
      if (r1 >= 3) { q0 = q0 + 1; r1 = r1 - 3; }
      let v2 = 0;
      for (let k3 = 0; k3 < 5; k3++) {
      const v4 = t0[q0 * 5 + k3];
      const v5 = t1[k3 * 3 + r1];
      v2 = v2 + v4 * v5;
      }
      const v6 = Math.tanh(Math.max(-15, Math.min(15, v2)));
      return v6;
      }"
    `);
  });

  test("tell a row of a reshaped array from another array with as many elements", () => {
    const rows = opOf("reshape", { shape: [3, 4] }, [leaf(0, 12)], float(3, 4));
    const place = { starts: [2, 0], sizes: [1, 4], steps: [1, 1] };
    const last = opOf("slice", place, [rows], float(1, 4));
    const sum = opOf("add", null, [last, leaf(1, 1, 4)], float(1, 4));
    expect(writeKernel(sum).source).toMatch(/t0\[i \+ 8\][^]*t1\[i\]/);
  });

  test("do not ask of places that are known", () => {
    const spans = [{ before: 1, between: 0, after: 1 }];
    const padded = opOf("pad", { spans, value: 7 }, [leaf(0, 3)], float(5));
    const at = (start: number): string => {
      const place = { starts: [start], sizes: [1], steps: [1] };
      return writeKernel(opOf("slice", place, [padded], float(1))).source;
    };
    expect([at(0), at(4)].filter((source) => source.includes("t0["))).toEqual([]);
    expect(at(2)).toContain("t0[1]");
    const joined = opOf("concat", { axis: 0 }, [leaf(0, 3), leaf(1, 2)], float(5));
    const last = opOf("slice", { starts: [4], sizes: [1], steps: [1] }, [joined], float(1));
    expect(writeKernel(last).source).toBe("function (t0) {\nconst v0 = t0[1];\nreturn v0;\n}");
  });

  test("of all steps of a loop know which step it is", () => {
    const each = { ...leaf(0, 4), size: 20, step: 4 } as Value;
    const sum = opOf("add", null, [each, leaf(1, 4)], float(4));
    expect(writeKernel(sum, 5).source).toMatch(/t0\[i\][^]*t1\[r\d+\]/);
  });
});
