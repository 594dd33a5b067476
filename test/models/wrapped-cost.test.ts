/** @file Wrapped cells compiled: the bare cell and the wrapper's own arithmetic, in counts of products, ops and launches. */
import {
  compile,
  explain,
  grad,
  key,
  normal,
  setDefaultBackend,
  type Tensor,
  trace,
  type Tree,
} from "@tapeloop/autograd";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  dilated,
  highway,
  learnedInitialState,
  lstmCell,
  multiplicative,
  projection,
  type RecurrentCell,
  recurrentDropout,
  residual,
  rnn,
  stacked,
  variationalDropout,
  weightDrop,
  layerNorm,
  zoneout,
} from "@tapeloop/nn";
import { expect, test } from "vitest";

// Its launches can be counted; here they run as plain JavaScript.
const backend = await gpuBackend({ mode: "cpu", elsewhere: ndarrayBackend });
setDefaultBackend(backend);

const H = 3;
const lstm = lstmCell(H, H);

type Model = RecurrentCell<Tree, Tree>;

/**
 * What a wrapper may add to a step of an LSTM in training: products, forward and as many backward; ops forward and
 * backward; launches, both together. What does not feed the state, and masks that are the same in all steps, must
 * leave the loop: it adds nothing.
 */
interface Extra {
  readonly cell: unknown;
  readonly products?: number;
  readonly ops?: readonly [number, number];
  readonly launches?: number;
}

const wrapped: Readonly<Record<string, Extra>> = {
  projection: { cell: projection(lstm, 4) },
  learnedInitialState: { cell: learnedInitialState(lstm) },
  // W ⊙ mask is made once.
  weightDrop: { cell: weightDrop(lstm, 0.2) },
  // y + x.
  residual: { cell: residual(lstm), ops: [1, 0] },
  // t ⊙ y + (1 − t) ⊙ x; the gate's product leaves the loop.
  highway: { cell: highway(lstm), ops: [7, 8] },
  // h ⊙ mask; that of x leaves the loop.
  variationalDropout: { cell: variationalDropout(lstm, 0.2), ops: [2, 3], launches: 2 },
  // Two drawn masks, two choices.
  zoneout: { cell: zoneout(lstm, 0.1), ops: [12, 7], launches: 1 },
  // One drawn mask.
  recurrentDropout: { cell: recurrentDropout(lstm, 0.2), ops: [10, 4], launches: 1 },
  // States change places.
  dilated: { cell: dilated(lstm, 2), launches: 1 },
  // h·Wmh, and the product with x·Wmx, which leaves the loop.
  multiplicative: { cell: multiplicative(lstm), products: 1, ops: [2, 3], launches: 5 },
  // Five sums, each with a mean, a variance, a gain and a bias.
  layerNorm: { cell: layerNorm(lstm), ops: [75, 110], launches: 30 },
  "zoneout around layerNorm": {
    cell: zoneout(layerNorm(lstm), 0.1),
    ops: [75 + 12, 110 + 7],
    launches: 30 + 1,
  },
  // A second LSTM, and its product with the output of the first, which is in the loop.
  stacked: { cell: stacked(lstm, lstm), products: 2, ops: [14, 26], launches: 8 },
};

/** A gradient through so many steps, and what it is of. */
function slopesOf(cell: Model, T: number): readonly [(p: Tree) => Tree, Tree] {
  const model = rnn(cell);
  const xs = normal([T, 2, H], { key: key(1) });
  const loss = (p: Tree): Tensor =>
    model
      .apply(p, xs, { key: key(2) })
      .outputs.square()
      .mean();
  return [grad(loss), model.init(key(0))];
}

/** Ops and products of a step, forward and backward. */
function stepsOf(cell: Model): { ops: number[]; products: number[] } {
  const [slopes, parameters] = slopesOf(cell, 10);
  const program = trace(slopes, parameters);
  const products = program.nodes
    .flatMap(({ primitive, params }) => primitive.bodies?.of(params) ?? [])
    .map(({ nodes }) => nodes.filter(({ primitive }) => primitive.name === "dotGeneral").length);
  return { ops: explain(program).loops.map(({ ops }) => ops), products };
}

/** Launches in a step, forward and backward. */
function launchesOf(cell: Model): number {
  const count = (T: number): number => {
    const [slopes, parameters] = slopesOf(cell, T);
    const run = compile(slopes);
    run(parameters);
    const before = backend.report().launches;
    run(parameters);
    return backend.report().launches - before;
  };
  return (count(30) - count(10)) / 20;
}
const bare = {
  ...stepsOf(lstm as unknown as Model),
  launches: launchesOf(lstm as unknown as Model),
};

test("a bare LSTM has one product and at most 13 ops in a step, and no more than 7 launches with its derivative", () => {
  expect(bare.products).toEqual([1, 1]);
  expect(bare.ops[0]).toBeLessThanOrEqual(13);
  expect(bare.launches).toBeLessThan(7);
});

test.each(Object.entries(wrapped))(
  "%s adds its own arithmetic to a step, and nothing else",
  (_, { cell, products = 0, ops = [0, 0], launches = 0 }) => {
    const steps = stepsOf(cell as Model);
    expect(steps.products).toEqual(bare.products.map((n) => n + products));
    steps.ops.forEach((n, i) => expect(n - bare.ops[i]).toBeLessThanOrEqual(ops[i]));
    // Work that is done for some steps at once is no whole number of launches for each.
    expect(launchesOf(cell as Model) - bare.launches).toBeLessThan(launches + 0.5);
  },
);
