/**
 * @file What holds for every program: random ones of up to 40 ops, shrunk when they fail. Run more, or
 * others, by `PROGRAMS=10000 PROGRAMS_SEED=7 pnpm test programs`.
 */
import {
  checkpoint,
  compile,
  grad,
  jvp,
  memory,
  mul,
  scope,
  setDefaultBackend,
  stack,
  sum,
  type Tensor,
  vmap,
} from "@tapeloop/autograd";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { wasmBackend } from "@tapeloop/backend-wasm";
import * as fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { Leaves } from "../../packages/backend-wasm/src/plan/leaves.ts";
import {
  type Genes,
  genes,
  genesOfRows,
  inputOf,
  type Program,
  programOf,
  sampled,
} from "./programs.ts";

beforeAll(() => setDefaultBackend(ndarrayBackend));

const wasm = wasmBackend();
const gpu = await gpuBackend({ mode: "webasm", elsewhere: ndarrayBackend });
const count = Number(process.env["PROGRAMS"] ?? 1000);
const seed = Number(process.env["PROGRAMS_SEED"] ?? 1);

/** Checks random programs; a failure shows the smallest program that was found. */
function holdsFor(
  programs: number,
  check: (program: Program) => void,
  isSmooth = false,
  from = genes,
): void {
  const result = fc.check(
    fc.property(from, (read: Genes) => {
      scope(() => check(programOf(read, isSmooth)));
    }),
    { numRuns: programs, seed },
  );
  if (!result.failed) return;
  const { counterexample, errorInstance, numShrinks } = result;
  const smallest = programOf((counterexample as [Genes])[0], isSmooth);
  const reason = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  throw new Error(
    `${reason}\n\nThe smallest program (${numShrinks} shrinks, seed ${result.seed}):\n\n${smallest.code}\n`,
    { cause: errorInstance },
  );
}

/** The inputs of a program. */
function inputsOf({ inputs }: Program, turn = 0): Tensor[] {
  return inputs.map((shape, i) => inputOf(shape, turn + i / 3));
}

/** Σ x y over the pairs of two lists. */
function inner(x: readonly Tensor[], y: readonly Tensor[]): Tensor {
  return x.map((each, i) => sum(mul(each, y[i]))).reduce((a, b) => a.add(b));
}

/** Σ |x y| over the pairs of two lists: how large the parts of an inner product are. */
function sizeOfParts(x: readonly Tensor[], y: readonly Tensor[]): number {
  return x.map((each, i) => sum(mul(each, y[i]).abs()).item()).reduce((a, b) => a + b);
}

/** Fails unless two numbers agree, relative to a scale. */
function expectNear(what: string, got: number, want: number, allowed: number): void {
  if (!(Math.abs(got - want) <= allowed)) throw new Error(`${what}: ${got}, not ${want}`);
}

/** Fails unless every element agrees. */
function expectSame(what: string, got: Tensor, want: Tensor, tolerance: number): void {
  expect(got.shape).toEqual(want.shape);
  const [x, y] = [got.dataSync(), want.dataSync()];
  x.forEach((v, i) => {
    if (!Object.is(v, y[i])) expectNear(what, v, y[i], tolerance * Math.max(1, Math.abs(y[i])));
  });
}

describe("random programs", () => {
  test("are deep, and use every primitive of real numbers", () => {
    const programs = fc.sample(genes, { numRuns: 300, seed }).map((read) => programOf(read));
    const mean = programs.reduce((n, { length }) => n + length, 0) / programs.length;
    expect(mean).toBeGreaterThan(8);
    const used = programs.map(({ code }) => code).join("\n");
    for (const name of sampled) expect(used).toContain(`${name}(`);
  });

  test(
    "have rows that WebAssembly reduces in the kernels of their elements",
    { timeout: 600_000 },
    () => {
      const reduced = vi.spyOn(Leaves.prototype, "reduced");
      setDefaultBackend(wasm);
      try {
        for (const read of fc.sample(genesOfRows, { numRuns: 100, seed })) {
          const { f, inputs } = programOf(read);
          compile(grad(f))(inputs.map((shape, i) => inputOf(shape, i / 3, "float32")));
        }
      } finally {
        setDefaultBackend(ndarrayBackend);
      }
      const names = reduced.mock.calls.map(([{ name }]) => name);
      reduced.mockRestore();
      for (const name of ["sum", "max"]) {
        expect(names.filter((each) => each === name).length).toBeGreaterThan(10);
      }
    },
  );

  test(
    "have finite values, one gradient by both modes and by differences, and leave no memory",
    { timeout: 600_000 },
    () => {
      holdsFor(count, (program) => {
        const { f } = program;
        const x = inputsOf(program);
        const u = inputsOf(program, 0.5);
        const before = memory();
        const value = f(x);
        if (!Number.isFinite(value.item())) throw new Error(`the value is ${value.item()}`);

        // Inside of grad and jvp all is given back but the results.
        const held = memory().buffers;
        for (const result of [...grad(f)(x), ...Object.values(jvp(f, x, u))]) result.dispose();
        const leak = memory().buffers - held;
        if (leak !== 0) throw new Error(`grad and jvp leave ${leak} buffers behind`);
        const g = grad(f)(x);
        const { tangent } = jvp(f, x, u);
        const exact = inner(g, u).item();
        const parts = Math.max(sizeOfParts(g, u), 1e-3);
        expectNear("reverse against forward", exact, tangent.item(), 1e-10 * parts);

        const at = (t: number): number =>
          scope(() => f(x.map((each, i) => each.add(mul(u[i], t)))).item());
        const slope = (h: number): number =>
          (at(-2 * h) - 8 * at(-h) + 8 * at(h) - at(2 * h)) / (12 * h);
        // Kinks within the reach of the larger steps are out of that of the smaller ones.
        const errors = [1e-3, 1e-4, 1e-5].map((h) => Math.abs(slope(h) - exact));
        expectNear("error of differences", Math.min(...errors), 0, 1e-7 * Math.max(1, parts));
        expect(memory().bytes).toBeGreaterThanOrEqual(before.bytes);
      });
    },
  );

  test("have one second derivative by both modes", { timeout: 600_000 }, () => {
    holdsFor(Math.ceil(count / 5), (program) => {
      const { f } = program;
      const [x, u, v] = [0, 0.5, 0.8].map((turn) => inputsOf(program, turn));
      const twice = grad((at: readonly Tensor[]) => inner(grad(f)(at), u))(x);
      const forward = jvp(grad(f), x, v).tangent;
      const reverse = inner(twice, v).item();
      const parts = Math.max(sizeOfParts(twice, v), sizeOfParts(forward, u), 1e-2);
      expectNear("vᵀHu, reverse", reverse, inner(forward, u).item(), 1e-9 * parts);
    });
  });

  test(
    "run on many examples at once as in a loop, with their gradients",
    { timeout: 600_000 },
    () => {
      holdsFor(Math.ceil(count / 2), (program) => {
        const { f, length } = program;
        const each = [0, 0.2, 0.4].map((turn) => inputsOf(program, turn));
        // With several inputs, sometimes the last one is the same for all examples.
        const isShared = (i: number): boolean =>
          i > 0 && i === program.inputs.length - 1 && length % 2 === 0;
        const examples = each.map((x) => x.map((input, i) => (isShared(i) ? each[0][i] : input)));
        const all = examples[0].map((input, i) =>
          isShared(i)
            ? input
            : stack(
                examples.map((x) => x[i]),
                { axis: 0 },
              ),
        );
        const inAxes = all.map((_, i) => (isShared(i) ? null : 0));
        const values = vmap((...x: readonly Tensor[]) => f(x), { inAxes })(...all);
        const loop = stack(examples.map(f), { axis: 0 });
        expectSame("vmap against a loop", values, loop, 1e-12);
        const gradients = vmap((...x: readonly Tensor[]) => grad(f)(x), { inAxes })(...all);
        const ofEach = examples.map((x) => grad(f)(x));
        gradients.forEach((g, i) => {
          const wanted = stack(
            ofEach.map((list) => list[i]),
            { axis: 0 },
          );
          expectSame(`vmap of the gradient by x${i}`, g, wanted, 1e-11);
        });
      });
    },
  );

  test("give the same bits in a checkpoint", { timeout: 600_000 }, () => {
    holdsFor(Math.ceil(count / 4), (program) => {
      const { f } = program;
      const x = inputsOf(program);
      const again = checkpoint(f);
      expectSame("value", again(x), f(x), 0);
      const wanted = grad(f)(x);
      grad(again)(x).forEach((g, i) => expectSame(`gradient by x${i}`, g, wanted[i], 0));
    });
  });

  test.each([
    ["the reference", "float64", ndarrayBackend, count / 5],
    ["WebAssembly", "float32", wasm, count / 10],
    ["WebAssembly", "float64", wasm, count / 20],
    // The one mode of gpu.js without a device that rounds to float32 after every operation.
    ["the GPU", "float32", gpu, count / 100],
  ] as const)(
    "give the bits of the eager run when they are compiled for %s in %s, with their gradients",
    { timeout: 600_000 },
    (_, dtype, backend, programs) => {
      setDefaultBackend(backend);
      try {
        const gives = ({ f, inputs }: Program): void => {
          const x = inputs.map((shape, i) => inputOf(shape, i / 3, dtype));
          const all = (at: readonly Tensor[]): Tensor[] => [f(at), ...grad(f)(at)];
          const wanted = all(x);
          // Twice: what one run leaves behind must not be seen by the next.
          const compiled = compile(all);
          compiled(inputs.map((shape) => inputOf(shape, 0.7, dtype)));
          compiled(x).forEach((y, i) => expectSame(`result ${i}`, y, wanted[i], 0));
        };
        for (const from of [genes, genesOfRows]) holdsFor(Math.ceil(programs), gives, false, from);
      } finally {
        setDefaultBackend(ndarrayBackend);
      }
    },
  );

  test("are in float32 close to float64", { timeout: 600_000 }, () => {
    holdsFor(
      Math.ceil(count / 4),
      (program) => {
        const single = program.inputs.map((shape, i) => inputOf(shape, i / 3, "float32"));
        const double = inputsOf(program);
        const { f } = program;
        const wanted = grad(f)(double);
        const value = f(single);
        expect(value.dtype).toBe("float32");
        expectNear("value", value.item(), f(double).item(), 1e-4);
        const greatest = Math.max(1, ...wanted.map((g) => g.abs().max().item()));
        grad(f)(single).forEach((g, i) => {
          const error = g.cast("float64").sub(wanted[i]).abs().max().item();
          expectNear(`error of the gradient by x${i}`, error, 0, 1e-3 * greatest);
        });
      },
      true,
    );
  });
});
