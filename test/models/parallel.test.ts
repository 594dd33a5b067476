/** @file Runs over all steps at once: what is refused, what wrappers leave of it, and linear recurrences alone. */
import {
  checkGradients,
  compile,
  grad,
  key,
  leaves,
  normal,
  setDefaultBackend,
  sub,
  type Tensor,
  tensor,
  trace,
  uniform,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  chained,
  type Complex,
  gruCell,
  type LinearCell,
  linearRecurrence,
  linearStep,
  minGruCell,
  minLstmCell,
  parallel,
  residual,
  rnn,
  stacked,
} from "@tapeloop/nn";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

const float64 = { dtype: "float64" } as const;
const cell = minGruCell(3, 4, float64);
const parameters = cell.init(key(0));
const xs = normal([6, 2, 3], { key: key(1), ...float64 });
const farthest = (a: Tensor, b: Tensor): number => sub(a, b).abs().max().item();

describe("linearRecurrence", () => {
  const draw = (seed: number, ...shape: number[]): Tensor =>
    uniform(shape, -1, 1, { key: key(seed), ...float64 });
  const complex = (seed: number, ...shape: number[]): Complex => ({
    re: draw(seed, ...shape),
    im: draw(seed + 1, ...shape),
  });

  test.each([1, 2, 3, 7, 8])("of complex numbers is the loop of %i steps", (T) => {
    const [a, b, first] = [complex(0, T, 2), complex(2, T, 2), complex(4, 2)];
    const { re, im } = linearRecurrence(a, b, first);
    const rows = ({ re: x, im: y }: Complex): number[][] =>
      [x, y].map((part) => Array.from(part.dataSync()));
    const [[ar, ai], [br, bi], [sr, si], [yr, yi]] = [a, b, first, { re, im }].map(rows);
    for (let unit = 0; unit < 2; unit++) {
      let [x, y] = [sr[unit], si[unit]];
      for (let at = unit; at < 2 * T; at += 2) {
        [x, y] = [ar[at] * x - ai[at] * y + br[at], ar[at] * y + ai[at] * x + bi[at]];
        expect(yr[at]).toBeCloseTo(x, 13);
        expect(yi[at]).toBeCloseTo(y, 13);
      }
    }
  });

  test("takes a factor that is the same in all steps, and for all examples of a batch", () => {
    const [b, first] = [draw(1, 5, 2, 3), draw(2, 2, 3)];
    const constant = draw(3, 3);
    const spread = constant.add(zeros([5, 2, 3], float64));
    const wanted = linearRecurrence(spread, b, first);
    expect(farthest(linearRecurrence(constant, b, first), wanted)).toBeLessThan(1e-13);
    const perStep = draw(4, 5, 1, 3);
    const all = perStep.add(zeros([5, 2, 3], float64));
    expect(
      farthest(linearRecurrence(perStep, b, first), linearRecurrence(all, b, first)),
    ).toBeLessThan(1e-13);
  });

  test("takes trees, and has the derivatives that differences have", () => {
    const at = {
      a: { x: complex(0, 4, 2), y: draw(2, 4, 3) },
      b: { x: complex(3, 4, 2), y: draw(5, 4, 3) },
      first: { x: complex(6, 2), y: draw(8, 3) },
    };
    const f = ({ a, b, first }: typeof at): Tensor => {
      const { x, y } = linearRecurrence(a, b, first);
      return x.re.mul(x.im).sum().add(y.square().sum());
    };
    expect(checkGradients(f, at).first).toBeLessThan(1e-8);
  });

  test("refuses trees of different structures", () => {
    const [x, y] = [tensor([1]), tensor([2])];
    expect(() =>
      linearRecurrence({ x }, { y } as never, { x: tensor(0) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[TreeError: linearRecurrence: a, b and the first state must have the same structure, got { x } and { y } and { x }.]`,
    );
    expect(() =>
      linearRecurrence({ x }, { x: { re: x, im: y } } as never, { x: tensor(0) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[TreeError: linearRecurrence: a, b and the first state must have the same structure, got a tensor and { re, im } and a tensor.]`,
    );
  });
});

describe("parallel", () => {
  test("never looks at what stands behind the end of a sequence", () => {
    const rows = xs.toArray() as number[][][];
    const isPadding = (t: number, b: number): boolean => b === 1 && t >= 3;
    const dirty = rows.map((step, t) =>
      step.map((row, b) => row.map((x) => (isPadding(t, b) ? NaN : x))),
    );
    const options = { lengths: [6, 3] };
    const clean = parallel(cell).apply(parameters, xs, options);
    const padded = parallel(cell).apply(parameters, tensor(dirty, float64), options);
    expect(farthest(padded.outputs, clean.outputs)).toBe(0);
    expect(farthest(padded.state.h, clean.state.h)).toBe(0);
    const loss = (at: { p: typeof parameters; x: Tensor }): Tensor =>
      parallel(cell).apply(at.p, at.x, options).outputs.square().sum();
    const grads = grad(loss)({ p: parameters, x: tensor(dirty, float64) });
    expect(farthest(grads.x, grad(loss)({ p: parameters, x: xs }).x)).toBe(0);
    expect(leaves(grads).every((g) => g.dataSync().every(Number.isFinite))).toBe(true);
  });

  test("takes lengths that only come when it runs", () => {
    const outputs = (lengths: Tensor, reverse: boolean): Tensor =>
      parallel(cell).apply(parameters, xs, { lengths, reverse }).outputs;
    for (const reverse of [false, true]) {
      const compiled = compile((lengths: Tensor) => outputs(lengths, reverse));
      for (const lengths of [
        [6, 3],
        [0, 5],
      ]) {
        const given = tensor(lengths, { dtype: "int32" });
        const loop = rnn(cell).apply(parameters, xs, { lengths, reverse }).outputs;
        expect(farthest(compiled(given), loop)).toBeLessThan(1e-13);
      }
    }
  });

  test("takes a number of ops that grows as the logarithm of the steps", () => {
    const [n16, n64, n256] = [16, 64, 256].map((T) => {
      const long = zeros([T, 2, 3], float64);
      return trace((x: Tensor) => parallel(cell).apply(parameters, x).outputs, long).nodes.length;
    });
    expect(n256 - n64).toBe(n64 - n16);
  });

  test("goes on from a state as if it had not stopped", () => {
    const model = parallel(cell);
    const whole = model.apply(parameters, xs);
    const first = model.apply(parameters, xs.slice([{ stop: 4 }]));
    const rest = model.apply(parameters, xs.slice([{ start: 4 }]), { initialState: first.state });
    expect(farthest(rest.last, whole.last)).toBeLessThan(1e-14);
  });

  test("runs layers over one another", () => {
    const layers = [minGruCell(3, 5, float64), minLstmCell(5, 4, float64)] as const;
    const all = chained(parallel(layers[0]), parallel(layers[1]));
    const p = all.init(key(2));
    const loop = rnn(stacked(...layers)).apply(p, xs, { lengths: [6, 2] });
    const run = all.apply(p, xs, { lengths: [6, 2], record: ["layers[1].gates.f"] });
    expect(farthest(run.outputs, loop.outputs)).toBeLessThan(1e-13);
    expect(run.recorded["layers[1].gates.f"].shape).toEqual([6, 2, 4]);
  });

  test("takes cells of one's own", () => {
    const sums: LinearCell<object, { h: Tensor }> = {
      inputSize: 3,
      hiddenSize: 3,
      init: () => ({}),
      initialState: (batch = 1) => ({ h: zeros([batch, 3], float64) }),
      ...linearStep("sums", (_, x) => ({
        a: { h: tensor(1, float64) },
        b: { h: x },
        show: ({ h }) => h.mul(2),
      })),
    };
    const { outputs, last } = parallel(sums).apply({}, xs, { reverse: true });
    expect(farthest(last, xs.sum({ axes: 0 }).mul(2))).toBeLessThan(1e-13);
    expect(farthest(outputs, rnn(sums).apply({}, xs, { reverse: true }).outputs)).toBeLessThan(
      1e-13,
    );
  });

  test("refuses cells that are not linear, and wrappers, which change the step", () => {
    expect(() => parallel(gruCell(3, 4) as never)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: parallel: the cell must be linear in its state, got a step that linearStep did not make. Use rnn(cell), or put wrappers around the runs: chained(parallel(a), parallel(b)).]`,
    );
    for (const wrapped of [residual(minGruCell(3, 3)), stacked(cell)]) {
      expect(() => parallel(wrapped as never)).toThrow("parallel: the cell must be linear");
    }
  });

  test("refuses what it has no use for, by its name", () => {
    const run = (options: object): unknown => parallel(cell).apply(parameters, xs, options);
    expect(() => run({ save: "sqrt" })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: parallel: options are lengths, initialState, key, memory, memoryMask, reverse, record, got "save". Remove or correct it.]`,
    );
    expect(() => run({ record: ["c"] })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: parallel: record takes candidate, gates.z, h, sums.z, got "c".]`,
    );
    expect(() => run({ lengths: [7, 1] })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: parallel: lengths are whole numbers from 0 to the 6 steps there are, got [7, 1].]`,
    );
    expect(() =>
      run({ lengths: tensor([1, 2, 3], { dtype: "int32" }) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: parallel: lengths are int32[2], one for each sequence, got int32[3].]`,
    );
    expect(() =>
      run({ initialState: { h: zeros([2, 4], float64) }, key: key(0) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: parallel: a state that is given carries its keys and its memory on, got initialState and key. Give one or the other.]`,
    );
    expect(() =>
      parallel(cell).apply(parameters, zeros([0, 2, 3], float64)),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: parallel: inputs need a first axis of at least one step, got float64[0,2,3].]`,
    );
    expect(() =>
      parallel(cell).apply(parameters, zeros([2, 2, 5], float64)),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: minGruCell: the last axis of x must have size 3, got float64[2,2,5].]`,
    );
  });
});
