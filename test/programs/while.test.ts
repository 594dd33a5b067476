import {
  compile,
  explain,
  formatProgram,
  grad,
  greater,
  jvp,
  less,
  ndarrayBackend,
  type Program,
  scan,
  setDefaultBackend,
  tensor,
  type Tensor,
  trace,
  vjp,
  vmap,
  wasmBackend,
  whileLoop,
  verify,
  zeros,
} from "tapeloop";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { beforeAll, describe, expect, test } from "vitest";

const backends = [
  ["ndarray", ndarrayBackend, "float64"],
  ["wasm", wasmBackend(), "float32"],
  ["wasm", wasmBackend(), "float64"],
  ["gpu", await gpuBackend({ mode: "cpu", elsewhere: ndarrayBackend }), "float32"],
] as const;

/** Doubles x, and counts, until it is no longer below `end`. */
const doubled = (x: Tensor, end: Tensor): { x: Tensor; n: Tensor } =>
  whileLoop(
    (s) => less(s.x, end),
    (s) => ({ n: s.n.add(1), x: s.x.mul(2) }),
    { x, n: tensor(0, { dtype: "int32" }) },
  );

/** Newton's method for √a. */
const root = (a: Tensor): Tensor =>
  whileLoop(
    (x) => greater(x.mul(x).sub(a).abs(), 1e-5),
    (x) => x.add(a.div(x)).mul(0.5),
    a,
  );

describe.each(backends)("whileLoop on %s", (_, backend, dtype) => {
  beforeAll(() => setDefaultBackend(backend as never));
  const real = (data: number | number[]): Tensor => tensor(data, { backend, dtype });
  const ways = [<F>(f: F) => f, compile as unknown as <F>(f: F) => F];

  test("takes as many steps as the values ask for, none too", () => {
    for (const way of ways) {
      const run = way(doubled);
      const found = [1, 3, 200].map((x) => {
        const last = run(real(x), real(100));
        return [last.x.item(), last.n.item()];
      });
      expect(found).toEqual([
        [128, 7],
        [192, 6],
        [200, 0],
      ]);
    }
  });

  // By hand: after seven steps y = 2⁷ x. And √a has the derivatives 1 / (2 √a) and −1 / (4 a^1.5).
  test("has tangents of first and second order", () => {
    for (const way of ways) {
      const slope = way(
        (x: Tensor) => jvp((v: Tensor) => doubled(v, real(100)).x, x, real(1)).tangent,
      );
      expect(slope(real(1)).item()).toBe(128);
      const first = (a: Tensor): Tensor => jvp(root, a, real(1)).tangent;
      expect(way(first)(real(4)).item()).toBeCloseTo(0.25, 4);
      const second = way((a: Tensor) => jvp(first, a, real(1)).tangent);
      expect(second(real(4)).item()).toBeCloseTo(-1 / 32, 2);
      const byScale = way((w: Tensor, x: Tensor) => {
        const f = (v: Tensor): Tensor =>
          whileLoop(
            (s) => less(s, 100),
            (s) => s.mul(v),
            x,
          );
        return jvp(f, w, real(1)).tangent;
      });
      // x w⁷, by w.
      expect(byScale(real(2), real(1)).item()).toBe(7 * 64);
    }
  });

  test("under vmap each example stops for itself, in and around programs and tangents", () => {
    const [xs, ends] = [real([1, 3, 200]), real([100, 10, 1000])];
    const f = (x: Tensor, end: Tensor): Tensor => doubled(x, end).x;
    const g = (x: Tensor, end: Tensor): Tensor => jvp((v: Tensor) => f(v, end), x, real(1)).tangent;
    for (const way of ways) {
      expect(way(vmap(f))(xs, ends).toArray()).toEqual([128, 12, 1600]);
      expect(way(vmap(g))(xs, ends).toArray()).toEqual([128, 4, 8]);
      const around = way(
        (x: Tensor) => jvp((v: Tensor) => vmap(f)(v, ends), x, real([1, 1, 1])).tangent,
      );
      expect(around(xs).toArray()).toEqual([128, 4, 8]);
      const nested = way((x: Tensor) =>
        vmap((end: Tensor) => vmap((v: Tensor) => f(v, end))(x))(ends),
      );
      expect(nested(real([1, 3])).toArray()).toEqual([
        [128, 192],
        [16, 12],
        [1024, 1536],
      ]);
    }
  });

  test("refuses reverse mode, and names scan; eagerly as compiled", () => {
    const message =
      "whileLoop: only forward mode (jvp) has a derivative, for reverse mode would have to keep an unknown " +
      "number of states, got a gradient. Use scan() with a fixed number of steps, and where() for the steps past the end.";
    const refusal = expect.objectContaining({ code: "gradient", message }) as Error;
    for (const way of ways) {
      expect(() => way(grad(root))(real(4))).toThrow(refusal);
      expect(() => way((a: Tensor) => vjp(root, a).pullback(real(1)))(real(4))).toThrow(refusal);
      // A gradient of a tangent is one, too; and many at once, and one inside of a loop.
      const tangent = (a: Tensor): Tensor => jvp(root, a, a).tangent;
      expect(() => way(grad(tangent))(real(4))).toThrow(refusal);
      expect(() => way(vmap(grad(root)))(real([4, 9]))).toThrow(refusal);
      const looped = (a: Tensor): Tensor =>
        scan((__, s: Tensor) => [root(s), null], null, a, null, { length: 2 })[0];
      expect(() => way(grad(looped))(real(16))).toThrow(refusal);
      expect(way(looped)(real(16)).item()).toBeCloseTo(2, 4);
    }
  });

  test("is a constant to reverse mode where nothing differentiated comes through, eagerly as compiled", () => {
    /** u moves by w, v by u, and k, a number like them, by itself; `end` only decides. */
    const last = (w: Tensor, end: Tensor) =>
      whileLoop(
        (s) => less(s.k, end),
        (s) => ({ u: s.u.mul(w), v: s.v.add(s.u), k: s.k.mul(2) }),
        { u: real(1), v: real(1), k: real(1) },
      );
    for (const way of ways) {
      const byW = way(grad((w: Tensor) => w.mul(last(w, real(5)).k)));
      expect(byW(real(3)).item()).toBe(8);
      const byEnd = way(grad((end: Tensor) => end.mul(last(real(2), end).v)));
      // 1 + 1 + 2 + 4
      expect(byEnd(real(5)).item()).toBe(8);
      const inLoop = way(
        grad(
          (w: Tensor) =>
            scan((__, s: Tensor) => [s.mul(last(s, real(3)).k), null], null, w, null, {
              length: 2,
            })[0],
        ),
      );
      expect(inLoop(real(3)).item()).toBe(16);
      const many = way(vmap(grad((w: Tensor) => w.mul(last(w, real(5)).k))));
      expect(many(real([3, 4])).toArray()).toEqual([8, 8]);
      // v depends on w only from the second step on.
      for (const state of ["u", "v"] as const) {
        const refused = way(grad((w: Tensor) => last(w, real(5))[state]));
        expect(() => refused(real(3))).toThrow("whileLoop: only forward mode (jvp)");
      }
    }
  });

  test("stops at maxSteps with an error; eagerly as compiled", () => {
    const endless = (most: number) => (x: Tensor) =>
      whileLoop(
        (s) => greater(s, 0),
        (s) => s.mul(0.5),
        x,
        { maxSteps: most },
      );
    for (const way of ways) {
      expect(() => way(endless(5))(real(1))).toThrow(
        expect.objectContaining({
          code: "argument",
          message:
            "whileLoop: the condition must be false after at most maxSteps = 5 steps, got one that is still true. " +
            "Allow for more steps, or look at what the condition compares.",
        }) as Error,
      );
      expect(way(endless(0))(real(-1)).item()).toBe(-1);
    }
  });
});

/** The one loop of a program. */
function loopOf({ nodes }: Program): { inputs: number; params: unknown } {
  const loop = nodes.find(({ primitive }) => primitive.name === "whileLoop");
  return { inputs: loop?.inputs.length ?? 0, params: loop?.params };
}

describe("a loop with a condition in a program", () => {
  beforeAll(() => setDefaultBackend(ndarrayBackend));

  test("is one op with two bodies: printed, valid, explained", () => {
    const program = trace(doubled, zeros([]), zeros([]));
    expect(() => verify(program)).not.toThrow();
    expect(formatProgram(program)).toMatchInlineSnapshot(`
      "program (x0: float32[], x1: float32[]) {
        x2: int32[] = constant
        x3: float32[], x4: int32[] = whileLoop x1 x0 x2 consts=1 maxSteps=null
          condition: program (x0: float32[], x1: float32[], x2: int32[]) {
            x3: bool[] = less x1 x0
            return x3
          }
          body: program (x0: float32[], x1: float32[], x2: int32[]) {
            x3: int32[] = fill shape=[] dtype=int32 value=1
            x4: int32[] = add x2 x3
            x5: float32[] = fill shape=[] dtype=float32 value=2
            x6: float32[] = mul x1 x5
            return x6, x4
          }
        return x3, x4
      }"
    `);
    expect(String(explain(program))).toMatchInlineSnapshot(`
      "6 ops, inputs 12 B, at most 20 B of results at a time
      loop of any number of steps forwards: 5 ops a step, keeps 0 B"
    `);
  });

  test("leaves out states that nobody reads", () => {
    const program = trace((x: Tensor, end: Tensor) => doubled(x, end).x, zeros([]), zeros([]));
    expect(loopOf(program)).toMatchObject({ inputs: 2, params: { consts: 1 } });
    const counted = trace((x: Tensor, end: Tensor) => doubled(x, end).n, zeros([]), zeros([]));
    expect(loopOf(counted)).toMatchObject({ inputs: 3 });
  });

  test("under vmap, a condition that is the same for all examples stays one", () => {
    const times = (x: Tensor): Tensor =>
      whileLoop(
        (s) => less(s.n, 3),
        (s) => ({ n: s.n.add(1), x: s.x.mul(2) }),
        { x, n: tensor(0, { dtype: "int32" }) },
      ).x;
    const program = trace(vmap(times), zeros([4]));
    expect(formatProgram(program)).not.toContain("where");
    expect(compile(vmap(times))(tensor([1, 2])).toArray()).toEqual([8, 16]);
  });

  test("refuses a step that changes types, and options that are not there", () => {
    const grows = (x: Tensor): Tensor =>
      whileLoop(
        (s) => less(s.sum(), 3),
        (s) => s.sum(),
        x,
      );
    for (const run of [grows, compile(grows)]) {
      expect(() => run(zeros([2]))).toThrowErrorMatchingInlineSnapshot(
        `[ShapeError: whileLoop: a step must return a state of the types it was given, got float32[2] and float32[]. Give the initial state the types of the later ones.]`,
      );
    }
    const wrong = { steps: 3 } as object;
    expect(() =>
      whileLoop(
        (s) => less(s, 0),
        (s) => s,
        tensor(0),
        wrong,
      ),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: whileLoop: options are maxSteps, got "steps". Remove or correct it.]`,
    );
    const half = { maxSteps: 0.5 };
    expect(() =>
      whileLoop(
        (s) => less(s, 0),
        (s) => s,
        tensor(0),
        half,
      ),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: whileLoop: maxSteps is a whole number from 0, got 0.5. Leave it out for no limit.]`,
    );
  });
});
