import {
  add,
  compile,
  concat,
  detectAnomaly,
  gather,
  grad,
  key,
  leaves,
  mapTree,
  memory,
  normal,
  pad,
  rem,
  scope,
  setDefaultBackend,
  step,
  tensor,
  type Tensor,
  to,
  zeros,
} from "@tapeloop/autograd";
import { lstmCell } from "@tapeloop/nn";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { gpuBackend } from "../src/index.ts";

const elsewhere = ndarrayBackend;
const backend = await gpuBackend({ mode: "cpu", elsewhere });
beforeEach(() => setDefaultBackend(backend));

describe("the choice of a device", () => {
  test.each(["webgl2", "webgl", "webgpu", "headlessgl", "gpu"] as const)(
    "%s is refused where there is none, with the reason",
    async (mode) => {
      const choice = gpuBackend({ mode, elsewhere });
      await expect(choice).rejects.toMatchObject({ code: "unavailable" });
      await expect(choice).rejects.toThrow(/from gpu\.js/);
    },
  );

  test("auto takes the other backend, and says so", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    expect(await gpuBackend({ mode: "auto", elsewhere })).toBe(elsewhere);
    expect(warn.mock.calls.join()).toMatch(/The backend "ndarray" runs in its place\.$/);
    warn.mockRestore();
  });

  test.each(["cpu", "webasm"] as const)("%s is there, and is no hardware", async (mode) => {
    const report = (await gpuBackend({ mode, elsewhere })).report();
    expect(report).toMatchObject({ mode, renderer: "", isSoftware: true });
  });

  test("unknown modes and options are refused", async () => {
    await expect(
      gpuBackend({ mode: "cuda" as "cpu", elsewhere }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: gpuBackend: mode is one of webgl2, webgl, webgpu, headlessgl, cpu, webasm, gpu, auto, got "cuda".]`,
    );
    await expect(
      gpuBackend({ elsewhere, fast: true } as never),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: gpuBackend: options are mode, elsewhere, got "fast". Remove or correct it.]`,
    );
  });
});

describe("kernels", () => {
  test("are made once for one op on one kind of arrays", () => {
    const [x, y] = [normal([3, 5], { key: key(0) }), normal([3, 5], { key: key(1) })];
    add(x, y);
    const { kernels, launches } = backend.report();
    add(y, x);
    expect(backend.report()).toMatchObject({ kernels, launches: launches + 1 });
    add(x.transpose(), y.transpose());
    expect(backend.report()).toMatchObject({ kernels: kernels + 1, launches: launches + 2 });
  });

  test("tell infinities and NaN apart", () => {
    const x = tensor([1]);
    const padded = (value: number): unknown => pad(x, [[1, 0]], { value }).toArray();
    expect([Infinity, -Infinity, NaN, 0].map(padded)).toEqual([
      [Infinity, 1],
      [-Infinity, 1],
      [NaN, 1],
      [0, 1],
    ]);
  });

  test("are one for all rows of a matrix", () => {
    const x = normal([40, 3], { key: key(0) });
    const rows = Array.from({ length: 40 }, (_, i) => x.slice([{ start: i, stop: i + 1 }]));
    const before = backend.report().kernels;
    const sums = rows.map((row) => row.sum().item());
    // The first row has nothing in front of it.
    expect(backend.report().kernels - before).toBeLessThanOrEqual(2);
    const expected = rows.map((row) => Array.from(row.dataSync()).reduce((a, b) => a + b));
    expect(sums).toEqual(expected.map((v) => expect.closeTo(v, 5)));
  });

  test("take any number of pieces", () => {
    const pieces = Array.from({ length: 300 }, (_, i) => tensor([i, -i]));
    const expected = Float32Array.from(
      { length: 600 },
      (_, k) => (k % 2 ? -1 : 1) * Math.floor(k / 2),
    );
    expected[1] = -0;
    expect(concat(pieces).dataSync()).toEqual(expected);
  });

  test("count where float32 is exact, and refuse to count further", () => {
    const x = zeros([2 ** 12 + 1, 2 ** 12]);
    expect(() => x.add(tensor([1]))).toThrowErrorMatchingInlineSnapshot(
      `[BackendError: gpu: arrays have at most 16777216 elements, got 16781312. Work in smaller batches, or on the CPU.]`,
    );
  });

  test.each([
    ["all of a matrix", [64, 63], [0, 1]],
    ["all of a number without divisors", [1009], [0]],
    ["rows that lie in columns", [3, 2000], [1]],
    ["columns", [1200, 5], [0]],
  ] as const)("reduce in stages: %s", (_, shape, axes) => {
    const x = normal([...shape], { key: key(3) });
    const there = to(x, ndarrayBackend);
    const reduced = (t: Tensor): Tensor[] => [t.sum({ axes }), t.square().max({ axes })];
    const before = backend.report().launches;
    x.sum({ axes });
    expect(backend.report().launches - before).toBe(2);
    for (const f of [reduced, compile(reduced)]) {
      f(x).forEach((y, i) => {
        const want = reduced(there)[i].dataSync();
        y.dataSync().forEach((v, k) => expect(v).toBeCloseTo(want[k], 3));
      });
    }
  });

  test("are asked for indices that are there", () => {
    const index = tensor([0, 2], { dtype: "int32" });
    expect(() => gather(tensor([1, 2]), index)).toThrow(expect.objectContaining({ code: "index" }));
  });

  test("leave what they do not know to the other backend, and say what", () => {
    const before = backend.report().elsewhere["rem"] ?? 0;
    rem(tensor([5, 7], { dtype: "int32" }), 4);
    expect(backend.report().elsewhere["rem"]).toBe(before + 1);
  });
});

test("values that are read back are looked at for NaN, and the op that made the first is named", () => {
  const f = (x: Tensor): Tensor => x.sub(1).log().mul(2);
  const before = backend.report().reads;
  expect(() => detectAnomaly(f)(tensor([3, 0.5]))).toThrow(
    expect.objectContaining({ code: "numeric", op: "log" }),
  );
  expect(backend.report().reads).toBeGreaterThan(before);
});

describe("memory", () => {
  test("stays the same over 1,000 training steps of an LSTM", { timeout: 60_000 }, () => {
    const cell = lstmCell(2, 3);
    const x = normal([2, 2], { key: key(1) });
    type Parameters = ReturnType<typeof cell.init>;
    const loss = (p: Parameters): Tensor =>
      cell.step(p, cell.initialState(2), x)[1].square().mean();
    const next = (p: Parameters): Parameters => {
      const slopes = leaves(grad(loss)(p));
      let i = 0;
      return mapTree((w) => w.sub(slopes[i++].mul(0.1)), p);
    };
    let p = step(cell.init(key(0)), next);
    p = step(p, next);
    const held = (): number[] => {
      const { arrays, bytes, kernels } = backend.report();
      return [memory().buffers, memory().bytes, arrays, bytes, kernels];
    };
    const before = held();
    for (let i = 0; i < 1000; i++) p = step(p, next);
    expect(held()).toEqual(before);
  });

  test("is one for a tensor and its views, and goes back once", () => {
    const before = backend.report().arrays;
    const kept = scope(() => tensor([1, 2, 3, 4]).mul(2).reshape([2, 2]).transpose());
    expect(backend.report().arrays).toBe(before + 1);
    kept.dispose();
    kept.dispose();
    expect(backend.report().arrays).toBe(before);
    expect(() => kept.dataSync()).toThrow(expect.objectContaining({ code: "disposed" }));
  });
});
