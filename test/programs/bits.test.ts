/**
 * @file Bit for bit on the reference backend in float64: loops that run as they are written, as programs op
 * by op, and compiled. Programs sum gradients of all steps at once, so these are rounded as in the program;
 * where nothing is rounded, all three agree in derivatives, too.
 */
import {
  compile,
  grad,
  hvp,
  key,
  leaves,
  mapTree,
  matmul,
  normal,
  scan,
  type ScanOptions,
  setDefaultBackend,
  tensor,
  type Tensor,
  trace,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { gruCell, lstmCell } from "@tapeloop/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { evaluate } from "../../packages/autograd/src/program/evaluate.ts";

beforeAll(() => setDefaultBackend(ndarrayBackend));

/** Something with a derivative: parameters, a first state, inputs of all steps. */
interface At {
  readonly p: Readonly<Record<string, Tensor>>;
  readonly s: Readonly<Record<string, Tensor>>;
  readonly x: Tensor;
}
/** What a loop makes of it: its last state, and its outputs. */
type Loop = (at: At, options: ScanOptions) => object;

const options = (["all", "carries", "sqrt", { every: 2 }, { every: 3 }] as const).flatMap(
  (save) => [{ save }, { save, reverse: true }],
);
const [T, B] = [7, 2];

/** Expects the leaves of trees to have the same bits. */
function expectSameBits(found: object, wanted: object): void {
  const [xs, ys] = [leaves(found), leaves(wanted)];
  expect(xs.map(({ shape, dtype }) => [shape, dtype])).toEqual(
    ys.map(({ shape, dtype }) => [shape, dtype]),
  );
  xs.forEach((x, i) => {
    const want = ys[i].dataSync();
    x.dataSync().forEach((v, k) => {
      if (!Object.is(v, want[k])) throw new Error(`leaf ${i}, element ${k}: ${v}, not ${want[k]}`);
    });
  });
}

/** The results of a function as a program that is run op by op. */
function traced(f: (at: At) => object, at: At): object {
  const program = trace(f, at);
  const values = evaluate(program, leaves(at));
  const results = program.outputs.map((v) => values.get(v) as Tensor);
  let next = 0;
  return mapTree(() => results[next++], f(at) as At["p"]);
}

const random = (shape: number[], seed: number): Tensor =>
  normal(shape, { key: key(seed), dtype: "float64" });
/** Whole numbers from −1 to 2: sums and products of them are exact, in any order. */
const whole = (shape: number[], seed: number): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Float64Array.from({ length: size }, (_, i) => ((5 * i + seed) % 4) - 1);
  return tensor(data, { shape, dtype: "float64" });
};

/** Several states, of which one moves another; and outputs as a tree. */
const several: Loop = ({ p, s, x }, how) =>
  scan(
    (q: At["p"], { a, b, c }: At["s"], row: Tensor) => [
      { a: matmul(a, q["W"]).add(row), b: a.sub(b), c },
      { y: a.mul(row), z: b.add(c) },
    ],
    p,
    s,
    x,
    how,
  );
/** A loop in a loop: blocks of rows. */
const nested: Loop = ({ p, s, x }, how) =>
  scan(
    (q: At["p"], outer: At["s"], block: Tensor) =>
      scan(
        (r: At["p"], { a, b, c }: At["s"], row: Tensor) => [
          { a: matmul(b, r["W"]).sub(row), b: a, c },
          a.add(b.mul(row)),
        ],
        q,
        outer,
        block,
        how,
      ),
    p,
    s,
    x,
    how,
  );
const size = 3;
const of = (make: typeof whole, steps: number[]): At => ({
  p: { W: make([size, size], 1) },
  s: { a: make([B, size], 2), b: make([B, size], 3), c: make([B, size], 4) },
  x: make([...steps, B, size], 5),
});
const loops: readonly (readonly [title: string, loop: Loop, steps: number[]])[] = [
  ["several states", several, [T]],
  ["a loop in a loop", nested, [3, 4]],
];
const cells = {
  lstm: lstmCell(size, 4, { dtype: "float64" }),
  gru: gruCell(size, 4, { dtype: "float64" }),
};
const rounded: readonly (readonly [title: string, loop: Loop, at: () => At])[] = [
  ...loops.map(([title, loop, steps]) => [title, loop, () => of(random, steps)] as const),
  ...Object.entries(cells).map(
    ([title, cell]) =>
      [
        title,
        ({ p, s, x }: At, how: ScanOptions): object => scan(cell.step as never, p, s, x, how),
        () =>
          ({
            p: cell.init(key(0)),
            s: mapTree(
              (h) => h.add(random(h.shape as number[], 8)),
              cell.initialState(B) as object as At["s"],
            ),
            x: random([T, B, size], 9),
          }) as unknown as At,
      ] as const,
  ),
];

/** The sum of the squares of all results. */
const loss = (loop: Loop, how: ScanOptions) => (at: At) =>
  leaves(loop(at, how))
    .map((y) => y.square().sum())
    .reduce((a, b) => a.add(b));

describe.each(options)("a loop with %j", (how) => {
  test.each(rounded)("of %s: the same values as written, traced and compiled", (_, loop, make) => {
    const at = make();
    const f = (here: At): object => loop(here, how);
    const wanted = f(at);
    expectSameBits(traced(f, at), wanted);
    expectSameBits(compile(f)(at), wanted);
    // What is kept for a derivative changes no value.
    expectSameBits(wanted, loop(at, { ...how, save: "all" }));
  });

  test.each(rounded)("of %s: the same derivatives traced and compiled", (_, loop, make) => {
    const at = make();
    const f = (here: At): object => grad(loss(loop, how))(here);
    expectSameBits(compile(f)(at), traced(f, at));
  });

  test.each(loops)(
    "of %s, where nothing is rounded: the same derivatives as written, traced and compiled",
    (_, loop, steps) => {
      const at = of(whole, steps);
      const first = (here: At): object => grad(loss(loop, how))(here);
      const second = (here: At): object => hvp(loss(loop, how), here, at);
      for (const f of [first, second]) {
        const wanted = f(at);
        // As small as it must be for that, and not nothing.
        const greatest = Math.max(...leaves(wanted).map((g) => g.abs().max().item()));
        expect(greatest).toBeGreaterThan(100);
        expect(greatest).toBeLessThan(2 ** 52);
        expectSameBits(traced(f, at), wanted);
        expectSameBits(compile(f)(at), wanted);
      }
    },
  );
});

test.each([0, 1, 2])("%i steps: the same values as written, traced and compiled", (steps) => {
  const at = of(whole, [steps]);
  const f = (here: At): object => several(here, {});
  expectSameBits(compile(f)(at), f(at));
  expectSameBits(traced(f, at), f(at));
  const g = (here: At): object => grad(loss(several, {}))(here);
  expectSameBits(compile(g)(at), g(at));
});
