import {
  compile,
  grad,
  greater,
  memory,
  normal,
  key,
  scope,
  setDefaultBackend,
  step,
  tensor,
  type Tensor,
  where,
} from "@tapeloop/autograd";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { wasmBackend } from "../src/index.ts";
import { hostFunctions } from "../src/host-functions.ts";
import { LinearMemory } from "../src/memory.ts";
import { moduleOf } from "../src/module.ts";

beforeEach(() => setDefaultBackend(wasmBackend()));

describe("the emitter", () => {
  test("makes modules that engines take and run", () => {
    const bytes = moduleOf([
      {
        parameters: ["i32", "i32"],
        write: (body) =>
          body.loopUntil(0, 1, () => {
            body.get(0).get(0).at("v128.load", 16).op("f32x4.neg").at("v128.store");
            body.advance(0, 16);
          }),
      },
    ]);
    expect(WebAssembly.validate(bytes)).toBe(true);
    const linear = new WebAssembly.Memory({ initial: 1 });
    const floats = new Float32Array(linear.buffer);
    floats.set([1, 2, 3, 4, 5, 6, 7, 8]);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      env: { ...hostFunctions, memory: linear },
    });
    (exports["0"] as (from: number, to: number) => void)(0, 16);
    expect([...floats.subarray(0, 8)]).toEqual([-5, -6, -7, -8, 5, 6, 7, 8]);
  });

  test("writes numbers of every length", () => {
    const numbers = [0, 63, 64, -64, -65, 8191, 8192, 2 ** 31 - 1, -(2 ** 31)];
    const bytes = moduleOf([
      {
        parameters: ["i32"],
        write: (body) =>
          numbers.forEach((number, i) =>
            body
              .get(0)
              .i32(number)
              .op("i32x4.splat")
              .at("v128.store", 16 * i),
          ),
      },
    ]);
    const linear = new WebAssembly.Memory({ initial: 1 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      env: { ...hostFunctions, memory: linear },
    });
    (exports["0"] as (at: number) => void)(0);
    const written = new Int32Array(linear.buffer);
    expect(numbers.map((_, i) => written[4 * i])).toEqual(numbers);
  });
});

describe("memory", () => {
  test("stays the same over 500 training steps", () => {
    const loss = (w: Tensor, x: Tensor): Tensor => x.matmul(w).tanh().square().mean();
    let w = normal([8, 8], { key: key(0) });
    const x = normal([4, 8], { key: key(1) });
    const next = (v: Tensor): Tensor => v.sub(grad(loss)(v, x).mul(0.1));
    w = step(w, next);
    const before = memory();
    for (let i = 0; i < 500; i++) w = step(w, next);
    const after = memory();
    expect([after.buffers, after.bytes]).toEqual([before.buffers, before.bytes]);
  });

  test("is one for a tensor and its views, and goes back with the last of them", () => {
    const before = memory().buffers;
    const kept = scope(() =>
      tensor([
        [1, 2],
        [3, 4],
      ])
        .transpose()
        .slice([{ start: 1 }]),
    );
    expect(memory().buffers).toBe(before + 1);
    expect(kept.toArray()).toEqual([[2, 4]]);
    kept.dispose();
    expect(memory().buffers).toBe(before);
  });
});

test("unknown options are refused", () => {
  const misspelt = { determinstic: true } as object;
  expect(() => wasmBackend(misspelt as never)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: wasmBackend: options are deterministic, threads, got "determinstic". Remove or correct it.]`,
  );
});

test("an engine without SIMD is told what to do", () => {
  const { validate } = WebAssembly;
  WebAssembly.validate = () => false;
  try {
    expect(() => wasmBackend()).toThrowErrorMatchingInlineSnapshot(
      `[BackendError: wasmBackend: needs WebAssembly with SIMD, got an engine without it, or a page that does not allow it. Use the reference backend, or allow 'wasm-unsafe-eval' in the content security policy.]`,
    );
  } finally {
    WebAssembly.validate = validate;
  }
});

describe("arrays that lie in any way", () => {
  test("are read as they lie where they are constants of a compiled function", () => {
    const x = normal([8, 40], { key: key(0) });
    const column = normal([8, 1], { key: key(1) });
    const turned = normal([40, 8], { key: key(2) }).transpose();
    const f = compile((a: Tensor) => a.mul(column).add(turned));
    const expected = x.mul(column).add(turned).dataSync();
    expect(f(x).dataSync()).toEqual(expected);
    const allocate = vi.spyOn(LinearMemory.prototype, "allocate");
    f(x);
    // Memory for the steps of the plan, and the result.
    expect(allocate).toHaveBeenCalledTimes(2);
    allocate.mockRestore();
  });

  test("give the same as constants that are masks, whose lanes are not read so", () => {
    const mask = greater(normal([6, 8], { key: key(3) }), 0).transpose();
    const x = normal([8, 6], { key: key(4) });
    const f = (a: Tensor): Tensor => where(mask, a, a.mul(2));
    expect(compile(f)(x).dataSync()).toEqual(f(x).dataSync());
  });

  test.each(["float32", "float64", "bool"] as const)("of %s are brought in order", (dtype) => {
    const count = 3 * 21 * 37;
    const data = Array.from({ length: count }, (_, i) => (i * 7) % (dtype === "bool" ? 2 : 1009));
    const x = tensor(data, { shape: [3, 21, 37], dtype });
    const at = (i: number, j: number, k: number): number => data[(i * 21 + j) * 37 + k];
    const turned = x.permute([2, 0, 1]);
    const wanted = Array.from({ length: count }, (_, n) => {
      const [k, i, j] = [Math.floor(n / 63), Math.floor(n / 21) % 3, n % 21];
      return at(i, j, k);
    });
    expect(Array.from(turned.dataSync(), Number)).toEqual(wanted);
    const apart = x.slice([{}, { start: 1, step: 2 }, { start: 36, stop: -38, step: -5 }]);
    const wantedApart = Array.from({ length: 3 * 10 * 8 }, (_, n) =>
      at(Math.floor(n / 80), 1 + 2 * (Math.floor(n / 8) % 10), 36 - 5 * (n % 8)),
    );
    expect(Array.from(apart.dataSync(), Number)).toEqual(wantedApart);
  });
});
