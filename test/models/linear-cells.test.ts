/**
 * @file Linear, exponential and convolutional cells: one row each, against their equations, against differences,
 * and, where they are linear, all steps at once against the loop.
 */
import {
  checkGradients,
  compile,
  concat,
  grad,
  key,
  leaves,
  mapTree,
  memory,
  namedLeaves,
  normal,
  select,
  setDefaultBackend,
  splitKey,
  Tensor,
  type Tree,
  uniform,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  convGruCell,
  convLstmCell,
  type FloatType,
  type LinearCell,
  lruCell,
  minGruCell,
  minLstmCell,
  mlstmCell,
  parallel,
  qrnnCell,
  type RecurrentCell,
  rnn,
  rwkvCell,
  s4dCell,
  s5Cell,
  scan,
  selectiveScanCell,
  slstmCell,
  sruCell,
} from "@tapeloop/nn";
import { describe, expect, test } from "vitest";
import * as equations from "./linear-cell-equations.ts";
import { distance } from "./distance.ts";

setDefaultBackend(ndarrayBackend);

type AnyTree = RecurrentCell<Tree, Tree>;
type Options = { readonly dtype?: FloatType };
type Equation = (parameters: unknown, state: unknown, x: unknown) => unknown;

/** A cell, and what is known of it. */
interface Row {
  readonly make: (options: Options) => AnyTree;
  /** F and H. */
  readonly sizes: readonly [number, number];
  /** S, for cells over space. */
  readonly space?: readonly number[];
  /** The number of parameters, as its documentation says. */
  readonly count: number;
  readonly equation: Equation;
}

const row = (
  make: (options: Options) => unknown,
  sizes: readonly [number, number],
  count: number,
  equation: unknown,
  space: readonly number[] = [],
): Row => ({
  make: make as Row["make"],
  sizes,
  count,
  equation: equation as Equation,
  space,
});

const [F, H, N] = [3, 4, 2];
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const linear: Record<string, Row> = {
  minGru: row((o) => minGruCell(F, H, o), [F, H], 2 * (F * H + H), equations.minGru),
  "minGru, positive": row(
    (o) => minGruCell(F, H, { ...o, positive: true }),
    [F, H],
    2 * (F * H + H),
    equations.positiveMinGru,
  ),
  minLstm: row((o) => minLstmCell(F, H, o), [F, H], 3 * (F * H + H), equations.minLstm),
  sru: row((o) => sruCell(F, F, o), [F, F], 3 * F * F + 2 * F, equations.sru),
  "sru of another size": row((o) => sruCell(F, H, o), [F, H], 4 * F * H + 2 * H, equations.sru),
  qrnn: row((o) => qrnnCell(F, H, o), [F, H], 3 * (2 * F * H + H), equations.qrnn),
  "qrnn, ifo-pooling of 3": row(
    (o) => qrnnCell(F, H, { ...o, window: 3, pooling: "ifo" }),
    [F, H],
    4 * (3 * F * H + H),
    equations.qrnn,
  ),
  "qrnn, f-pooling of 1": row(
    (o) => qrnnCell(F, H, { ...o, window: 1, pooling: "f" }),
    [F, H],
    2 * (F * H + H),
    equations.qrnn,
  ),
  lru: row(
    (o) => lruCell(F, H, { ...o, stateSize: N }),
    [F, H],
    3 * N + 2 * F * N + 2 * N * H + F * H,
    equations.lru,
  ),
  s4d: row((o) => s4dCell(H, { ...o, stateSize: N }), [H, H], 4 * H * N + 2 * H, equations.s4d),
  s5: row(
    (o) => s5Cell(F, H, { ...o, stateSize: N }),
    [F, H],
    3 * N + 2 * F * N + 2 * N * H + F * H,
    equations.s5,
  ),
  selectiveScan: row(
    (o) => selectiveScanCell(H, { ...o, stateSize: N, rank: 3 }),
    [H, H],
    H * (3 + 2 * N) + 3 * H + 2 * H + H * N,
    equations.selectiveScan,
  ),
};

const others: Record<string, Row> = {
  rwkv: row((o) => rwkvCell(F, H, o), [F, H], 3 * F * H + H * H + 3 * F + 2 * H, equations.rwkv),
  slstm: row((o) => slstmCell(F, H, o), [F, H], 4 * (F * H + H * H + H), equations.slstm(sigmoid)),
  "slstm, exponential": row(
    (o) => slstmCell(F, H, { ...o, forgetGate: "exp" }),
    [F, H],
    4 * (F * H + H * H + H),
    equations.slstm(Math.exp),
  ),
  "slstm of 2 heads": row(
    (o) => slstmCell(F, H, { ...o, heads: 2 }),
    [F, H],
    4 * (F * H + (H * H) / 2 + H),
    equations.slstm(sigmoid),
  ),
  mlstm: row((o) => mlstmCell(F, H, o), [F, H], (F + 1) * (4 * H + 2), equations.mlstm(sigmoid)),
  "mlstm, exponential, of 2 heads": row(
    (o) => mlstmCell(F, H, { ...o, heads: 2, forgetGate: "exp" }),
    [F, H],
    (F + 1) * (4 * H + 4),
    equations.mlstm(Math.exp),
  ),
  "convLstm over rows": row(
    (o) => convLstmCell(2, 2, [4], o),
    [2, 2],
    4 * (2 * 3 + 2 * 3 + 1) * 2,
    equations.overRows(equations.convLstm as never),
    [4],
  ),
  "convLstm over images, with peepholes": row(
    (o) => convLstmCell(2, 1, [3, 2], { ...o, kernelSize: [3, 2], peepholes: true }),
    [2, 1],
    4 * (2 * 6 + 6 + 1) + 3 * 6,
    equations.convLstm,
    [3, 2],
  ),
  "convGru over rows": row(
    (o) => convGruCell(2, 2, [4], { ...o, kernelSize: 2 }),
    [2, 2],
    3 * (2 * 2 + 2 * 2 + 1) * 2,
    equations.overRows(equations.convGru as never),
    [4],
  ),
  "convGru over images": row(
    (o) => convGruCell(2, 1, [2, 3], o),
    [2, 1],
    3 * (2 * 9 + 9 + 1),
    equations.convGru,
    [2, 3],
  ),
};

const float64 = { dtype: "float64" } as const;

/** Parameters, a state of 2 examples and 3 inputs, all away from first values and from 0. */
function inputsOf({ make, sizes, space = [] }: Row) {
  const cell = make(float64);
  const keys = splitKey(key(11), 3);
  const parameters = drawn(cell.init(key(0)), keys[0], (from, x) =>
    normal(x.shape, { key: from, ...float64 }).mul(0.5),
  );
  const state = drawn(cell.initialState(2), keys[1], (from, x) =>
    uniform(x.shape, 0.2, 1, { key: from, ...float64 }),
  );
  const xs = normal([3, 2, ...space, sizes[0]], { key: keys[2], ...float64 });
  return { cell, parameters, state, xs };
}

/** A tree of the same shapes, each leaf from a key of its own. */
function drawn<T extends Tree>(
  tree: T,
  from: Tensor,
  draw: (key: Tensor, like: Tensor) => Tensor,
): T {
  const keys = splitKey(from, leaves(tree).length + 1);
  let i = 0;
  return mapTree((x) => draw(keys[i++], x), tree);
}

/** The numbers of a tree, as nested arrays; of one example, if it has a number. */
function numbersOf(tree: Tree, example?: number): unknown {
  if (tree instanceof Tensor) {
    return (example === undefined ? tree : select(tree, example)).toArray();
  }
  return Object.fromEntries(
    Object.entries(tree).map(([name, part]) => [name, numbersOf(part as Tree, example)]),
  );
}

/** Where two nests of arrays of numbers differ by more than an absolute 1e-12. */
function differences(actual: unknown, expected: unknown, path = ""): string[] {
  if (typeof expected === "number") {
    const isClose = Math.abs((actual as number) - expected) < 1e-12;
    return isClose ? [] : [`${path}: ${String(actual)} for ${expected}`];
  }
  const [found, wanted] = [actual, expected] as [Record<string, unknown>, object];
  if (Object.keys(found).join() !== Object.keys(wanted).join()) return [`${path}: other parts`];
  return Object.entries(wanted).flatMap(([name, value]) =>
    differences(found[name], value, `${path}.${name}`),
  );
}

describe.each(Object.entries({ ...linear, ...others }))("%s", (_name, given) => {
  const { make, sizes, space = [], count, equation } = given;
  const { cell, parameters, state, xs } = inputsOf(given);

  test("has the number of parameters that its documentation says", () => {
    expect(leaves(cell.init(key(0))).reduce((n, { size }) => n + size, 0)).toBe(count);
  });

  test("steps by its equation", () => {
    const x = select(xs, 0);
    const [next, y] = cell.step(parameters, state, x);
    for (const example of [0, 1]) {
      const wanted = equation(
        numbersOf(parameters),
        numbersOf(state, example),
        numbersOf(x, example),
      );
      expect(differences([numbersOf(next, example), numbersOf(y, example)], wanted)).toEqual([]);
    }
  });

  test("runs over a sequence, with a batch axis and without, in its element type", () => {
    for (const dtype of ["float32", "float64"] as const) {
      const own = make({ dtype });
      const p = own.init(key(3));
      const rows = normal([5, 2, ...space, sizes[0]], { key: key(4), dtype });
      const [last, ys] = scan(own.step, p, own.initialState(2), rows);
      expect(ys.shape).toEqual([5, 2, ...space, sizes[1]]);
      expect(leaves({ p, last, ys }).map((x) => x.dtype)).toEqual(
        leaves({ p, last, ys }).map(() => dtype),
      );
      const [, one] = scan(own.step, p, own.initialState(), select(rows, 1, { axis: 1 }));
      expect(distance({ y: one }, { y: select(ys, 1, { axis: 1 }) })).toBeLessThan(1e-5);
    }
  });

  test("has the first and second derivatives that differences have, through 3 steps", () => {
    const run = (at: { parameters: Tree; state: Tree; xs: Tensor }): Tensor => {
      const [last, ys] = scan(cell.step, at.parameters, at.state, at.xs);
      return concat([ys, ...leaves(last)].map((y) => y.reshape([-1])));
    };
    const report = checkGradients(run, { parameters, state, xs }, { directions: 2, step: 2e-4 });
    expect(report.first).toBeLessThan(1e-8);
  });

  test("compiled has the derivatives that it has as it is written", () => {
    const loss = (p: Tree): Tensor => {
      const [last, ys] = scan(cell.step, p, state, xs);
      return leaves(last).reduce((sum, x) => sum.add(x.sum()), ys.square().sum());
    };
    expect(distance(compile(grad(loss))(parameters), grad(loss)(parameters))).toBeLessThan(1e-11);
  });

  test("starts from its key alone, and gives back what it made on the way", () => {
    const first = (k: number): string[] => leaves(make({}).init(key(k))).map(String);
    expect(first(0)).toEqual(first(0));
    expect(first(0)).not.toEqual(first(1));
    const k = key(0);
    const before = memory().buffers;
    const made = make({}).init(k);
    expect(memory().buffers - before).toBe(leaves(made).length);
  });

  test("refuses inputs and states of other sizes by its name, and unknown options", () => {
    const op = /^\w+Cell: /;
    const wider = normal([2, ...space, sizes[0] + 1], { key: key(0), ...float64 });
    expect(() => cell.step(parameters, state, wider)).toThrow(op);
    namedLeaves(state).forEach((_, which) => {
      let i = 0;
      const wrong = mapTree((x) => (i++ === which ? concat([x, x]) : x), state);
      expect(() => cell.step(parameters, wrong, select(xs, 0))).toThrow(
        /^\w+Cell: |\(in \w+Cell\)$/,
      );
    });
    expect(() => make({ size: 3 } as object)).toThrow(/^\w+Cell: options are .*, got "size"/);
  });
});

describe.each(Object.entries(linear))("all steps of %s at once", (_name, given) => {
  const { cell, parameters, state, xs } = inputsOf(given);
  const runs = { loop: rnn(cell), parallel: parallel(cell as LinearCell<Tree, Tree>) };

  test.each([
    ["as they are", {}],
    ["of different lengths", { lengths: [3, 1] }],
    ["reversed", { reverse: true }],
    ["of different lengths, reversed", { lengths: [2, 3], reverse: true }],
    ["of lengths down to 0", { lengths: [0, 2] }],
  ])("have the values and derivatives of the loop, %s", (_, options) => {
    const results = Object.values(runs).map((run) => {
      const f = (at: { p: Tree; s: Tree; x: Tensor }): Tree => {
        const {
          outputs,
          last,
          state: end,
        } = run.apply(at.p, at.x, { ...options, initialState: at.s });
        return { outputs, last, end };
      };
      const total = (at: { p: Tree; s: Tree; x: Tensor }): Tensor =>
        leaves(f(at))
          .map((y, i) => y.mul(normal(y.shape, { key: key(i), ...float64 })).sum())
          .reduce((a, b) => a.add(b));
      const at = { p: parameters, s: state, x: xs };
      return { values: f(at), grads: grad(total)(at) };
    });
    expect(distance(results[0], results[1])).toBeLessThan(1e-10);
  });

  test("record what the loop records", () => {
    const names = namedLeaves(state).map(({ path }) => path);
    const options = { lengths: [3, 2], record: names };
    const [a, b] = Object.values(runs).map(
      (run) => run.apply(parameters, xs, options).recorded as Tree,
    );
    expect(distance(a, b)).toBeLessThan(1e-12);
  });

  test("run without a batch axis, compiled, and from the first state of the cell", () => {
    const one = select(xs, 0, { axis: 1 });
    const outputs = compile((p: Tree) => runs.parallel.apply(p, one).outputs)(parameters);
    expect(
      distance({ outputs }, { outputs: runs.loop.apply(parameters, one).outputs }),
    ).toBeLessThan(1e-12);
  });
});
