/** @file The cells of the literature: each against its equation, its documentation and differences. */
import {
  checkGradients,
  compile,
  grad,
  key,
  leaves,
  mapTree,
  memory,
  normal,
  select,
  setDefaultBackend,
  sub,
  type Tensor,
  type Tree,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import * as nn from "@tapeloop/nn";
import type { RecurrentCell } from "@tapeloop/nn";
import { describe, expect, test } from "vitest";
import { equations, type Numbers, type Parameters } from "./cell-zoo-equations.ts";

setDefaultBackend(ndarrayBackend);

type Make = (F: number, H: number, options?: object) => RecurrentCell<Tree, Tree>;
const makers = nn as unknown as Record<string, Make>;

/** Sizes of inputs and states, and how many parameters there are, by the documentation. */
const [F, H] = [3, 4];
const counts: Record<string, (F: number, H: number) => number> = {
  ranCell: () => 3 * F * H + 2 * (H * H + H),
  atrCell: () => F * H + H * H,
  cfnCell: () => 3 * F * H + 2 * (H * H + H),
  mguCell: () => 2 * (F * H + H * H + H),
  mgu1Cell: () => F * H + 2 * (H * H + H),
  mgu2Cell: () => F * H + 2 * H * H + H,
  mgu3Cell: () => F * H + H * H + 2 * H,
  sguCell: () => 2 * (F * H + H * H + H) + H,
  dsguCell: () => 2 * (F * H + H * H + H) + H * H + H,
  tauGruCell: () => 4 * (F * H + H * H + H),
  residualLstmCell: () => 4 * (F * H + H * H + H) + 3 * H + H * H + F * H,
  elementwiseLstmCell: () => 3 * F * H + H * H + 5 * H,
  lipschitzRnnCell: () => F * H + 2 * H * H + H,
  plRnnCell: () => F * H + H * H + 2 * H,
  shufflingRnnCell: () => F * H + 2 * H + 5 * (F + H + 1),
  liGruCell: () => 2 * (F * H + H * H + H),
  lightRuCell: () => 2 * F * H + H * H + H,
  minimalRnnCell: () => F * H + 2 * H * H + 2 * H,
  starCell: () => 2 * F * H + H * H + 2 * H,
  sgrnCell: () => F * H + H * H + H,
  mut1Cell: () => 3 * F * H + 2 * H * H + 3 * H,
  mut2Cell: () => 3 * (F * H + H * H + H),
  mut3Cell: () => 3 * (F * H + H * H + H),
  ugrnnCell: () => 2 * (F * H + H * H + H),
  intersectionRnnCell: () => 4 * (H * H + H * H + H),
  indRnnCell: () => F * H + 2 * H,
  brCell: () => 3 * F * H + 5 * H,
  nbrCell: () => 3 * F * H + 2 * H * H + 3 * H,
  miru1Cell: () => 2 * (F * H + H * H + H),
  miru2Cell: () => F * H + H * H + H,
  antisymmetricRnnCell: () => F * H + H * H + H,
  gatedAntisymmetricRnnCell: () => 2 * F * H + H * H + 2 * H,
  cornnCell: () => F * H + 2 * H * H + H,
  unicornnCell: () => F * H + 3 * H,
  lemCell: () => 4 * (F * H + H * H + H),
  fastRnnCell: () => F * H + H * H + H + 2,
  fastGrnnCell: () => F * H + H * H + 2 * H + 2,
  peepholeLstmCell: () => 4 * (F * H + H * H + H) + 3 * H,
  originalLstmCell: () => 3 * (F * H + H * H + H),
  janetCell: () => 2 * (F * H + H * H + H),
  multiplicativeLstmCell: () => 4 * (F * H + H * H + H) + F * H + H * H,
  wmcLstmCell: () => 4 * (F * H + H * H + H) + 3 * H * H,
  projectedLstmCell: () => 4 * (F * H + 2 * H + H) + H * 2,
  mcLstmCell: () => 5 * (F * H + H * H + H),
  nasCell: () => 8 * (F * H + H * H + H),
  rhnCell: () => 2 * F * H + 3 * (2 * H * H + 2 * H),
  scrnCell: () => 2 * F * H + 4 * H * H + H,
  multiplicativeRnnCell: () => 2 * (F * H + H * H) + H,
  trnnCell: () => 2 * F * H + H,
  tgruCell: () => 6 * F * H + 3 * H,
  tlstmCell: () => 6 * F * H + 3 * H,
};

/** Settings that a cell is tested with, and those that it refuses. */
const settings: Record<string, { readonly with?: object; readonly refused: readonly object[] }> = {
  antisymmetricRnnCell: {
    with: { epsilon: 0.3, gamma: 0.1 },
    refused: [{ epsilon: 0 }, { gamma: -1 }],
  },
  gatedAntisymmetricRnnCell: {
    with: { epsilon: 0.3, gamma: 0.1 },
    refused: [{ epsilon: -1 }, { gamma: -1 }],
  },
  cornnCell: { refused: [{ dt: 0 }, { gamma: -1 }, { epsilon: -1 }] },
  unicornnCell: { refused: [{ dt: 0 }, { alpha: -1 }] },
  tauGruCell: { with: { delay: 2 }, refused: [{ delay: 0 }] },
  lipschitzRnnCell: { refused: [{ dt: 0 }, { beta: 2 }, { gamma: -1 }] },
  shufflingRnnCell: { with: { width: 5 }, refused: [{ width: 0 }] },
  lemCell: { with: { dt: 0.5 }, refused: [{ dt: 0 }, { dt: 1.5 }] },
  janetCell: { refused: [{ beta: Number.NaN }] },
  projectedLstmCell: { refused: [{ projectionSize: 0 }] },
  rhnCell: { refused: [{ depth: 0 }, { depth: 1.5 }] },
  scrnCell: { refused: [{ alpha: 2 }] },
  miru1Cell: { refused: [{ update: 2 }] },
  miru2Cell: { refused: [{ update: -1 }, { reset: 2 }] },
};

test("every equation has a row, and every row an equation", () => {
  expect(Object.keys(equations).toSorted()).toEqual(Object.keys(counts).toSorted());
});

describe.each(Object.entries(counts))("%s", (name, count) => {
  const inputSize = name === "intersectionRnnCell" ? H : F;
  const options = { ...settings[name]?.with, dtype: "float64" };
  const cell = makers[name](inputSize, H, options);
  const parameters = cell.init(key(0));
  /** Parameters away from 0, where biases start. */
  const shaken = mapTree(
    (x) => x.add(normal(x.shape, { key: key(5), dtype: "float64" }).mul(0.4)),
    parameters,
  );
  const random = (shape: readonly number[], seed: number): Tensor =>
    normal(shape, { key: key(seed), dtype: "float64" });
  const xs = random([3, 2, inputSize], 1);
  const from = mapTree((s) => s.add(random(s.shape, 6).mul(0.5)), cell.initialState(2));
  const run = (p: Tree, s: Tree, inputs: Tensor): Tensor =>
    nn.rnn(cell).apply(p, inputs, { initialState: s }).outputs;

  test("is its equation, and has as many parameters as its documentation says", () => {
    expect(leaves(parameters).reduce((n, { size }) => n + size, 0)).toBe(count(inputSize, H));
    const plain = mapTree((x) => x, shaken);
    const numbers = JSON.parse(
      JSON.stringify(plain, (_, v: unknown) =>
        typeof v === "object" && v !== null && "toArray" in v ? (v as Tensor).toArray() : v,
      ),
    ) as Parameters;
    let state = cell.step(shaken, from, select(xs, 0))[0];
    for (const b of [0, 1]) {
      const own = Object.fromEntries(
        Object.entries(from as Record<string, Tensor>).map(([part, s]) => [
          part,
          select(s, b).toArray(),
        ]),
      ) as unknown as Numbers;
      const x = select(select(xs, 0), b).toArray() as number[];
      const { next, y } = equations[name](numbers, own, x);
      const [found, shown] = cell.step(shaken, from, select(xs, 0));
      Array.from(select(shown, b).dataSync()).forEach((v, j) => expect(v).toBeCloseTo(y[j], 12));
      for (const [part, wanted] of Object.entries(next)) {
        const values = select((found as Record<string, Tensor>)[part], b).dataSync();
        wanted.forEach((v, j) => expect(values[j]).toBeCloseTo(v, 12));
      }
      expect(Object.keys(next).toSorted()).toEqual(Object.keys(found).toSorted());
      state = found;
    }
    expect(leaves(state).length).toBeGreaterThan(0);
  });

  test("has the first and second derivatives that differences have, through 3 steps", () => {
    const f = (at: { p: Tree; s: Tree; x: Tensor }): Tensor => run(at.p, at.s, at.x);
    // A short step, for sums of many terms; rectifiers have corners that differences must not cross.
    const hasCorners = [
      "liGruCell",
      "indRnnCell",
      "nasCell",
      "intersectionRnnCell",
      "plRnnCell",
      "shufflingRnnCell",
      "sguCell",
      "dsguCell",
    ].includes(name);
    const how = hasCorners
      ? { step: 1e-5, tolerance: [1e-7, 1e-4] as const }
      : { step: 2e-4, tolerance: [1e-8, 1e-6] as const };
    const found = checkGradients(f, { p: shaken, s: from, x: xs }, how);
    expect(found.first).toBeLessThan(1e-7);
  });

  test("steps a batch as its rows, and is the same compiled", () => {
    const ys = run(shaken, from, xs);
    for (const b of [0, 1]) {
      const own = mapTree((s) => select(s, b), from);
      const alone = run(shaken, own, select(xs, b, { axis: 1 }));
      expect(
        sub(alone, select(ys, b, { axis: 1 }))
          .abs()
          .max()
          .item(),
      ).toBeLessThan(1e-13);
    }
    const loss = grad((p: Tree) => run(p, from, xs).square().sum());
    const [a, c] = [leaves(compile(loss)(shaken)), leaves(loss(shaken))];
    a.forEach((x, i) => expect(x.sub(c[i]).abs().max().item()).toBeLessThan(1e-12));
  });

  test("starts from its key alone, in the element type asked for, and leaves nothing behind", () => {
    const text = (seed: number): string =>
      leaves(cell.init(key(seed)))
        .map(String)
        .join();
    expect(text(0)).toBe(text(0));
    expect(text(0)).not.toBe(text(1));
    expect(leaves(cell.initialState(2)).every((s) => s.abs().max().item() === 0)).toBe(true);
    const single = makers[name](inputSize, H);
    expect(leaves(single.init(key(0))).every(({ dtype }) => dtype === "float32")).toBe(true);
    const k = key(0);
    const before = memory().buffers;
    const made = cell.init(k);
    expect(memory().buffers - before).toBeLessThanOrEqual(leaves(made).length);
  });

  test("refuses sizes, inputs and options that do not fit", () => {
    expect(() => makers[name](0, H)).toThrow(`${name}: `);
    expect(() => makers[name](inputSize, 1.5)).toThrow(`${name}: `);
    expect(() => makers[name](inputSize, H, { activation: "tanh" })).toThrow(
      `${name}: options are`,
    );
    expect(() => cell.step(shaken, from, zeros([2, inputSize + 1]))).toThrow(
      `${name}: the last axis of x must have size ${inputSize}`,
    );
    for (const bad of settings[name]?.refused ?? []) {
      expect(() => makers[name](inputSize, H, bad)).toThrow(`${name}: ${Object.keys(bad)[0]} is`);
    }
  });
});
