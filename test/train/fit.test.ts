/** @file Fitting sequential models: what is learned, and that every number is what it says. */
import {
  key,
  leaves,
  mapTree,
  memory,
  normal,
  pad,
  scope,
  setDefaultBackend,
  stopGradient,
  tensor,
  type Tensor,
  uniform,
} from "@tapeloop/autograd";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { lstmCell, rnn, softmaxCrossEntropy } from "@tapeloop/nn";
import { adam, chain, clipByGlobalNorm, exponentialAverage, sgd } from "@tapeloop/optim";
import {
  type Callback,
  earlyStopping,
  type FitOptions,
  layers,
  learningRateScheduler,
  modelCheckpoint,
  reduceLearningRateOnPlateau,
  type Sequential,
  sequential,
  terminateOnNaN,
} from "@tapeloop/train";
import { describe, expect, test } from "vitest";
import { distance } from "../models/distance.ts";

setDefaultBackend(wasmBackend({ deterministic: true }));

const quiet = { verbose: false } as const;

/** Sequences, and whether their first number is above 0. */
function sequences(count: number): { x: Tensor; y: Tensor } {
  return scope(() => {
    const x = uniform([count, 6, 1], -1, 1, { key: key(1) });
    const y = x
      .slice([{}, { stop: 1 }])
      .greater(0)
      .reshape([count]);
    return { x, y };
  });
}

/** The model of a Keras tutorial, in small. */
function tutorial(seed = 0): Sequential {
  const model = sequential(
    [
      layers.lstm(8, { returnSequences: true }),
      layers.dropout(0.1),
      layers.lstm(8),
      layers.dropout(0.1),
      layers.dense(1, { activation: "sigmoid" }),
    ],
    { seed },
  );
  model.compile({
    loss: "binaryCrossentropy",
    optimizer: adam({ learningRate: 0.03 }),
    metrics: ["accuracy"],
  });
  return model;
}

test("the model of a Keras tutorial learns, in constant memory, and says how well", async () => {
  const { x, y } = sequences(96);
  const model = tutorial();
  const counts: number[] = [];
  const callback: Callback = { onEpochEnd: () => counts.push(memory().buffers) };
  const { history, epoch, stopped } = await model.fit(x, y, {
    epochs: 20,
    batchSize: 16,
    validationSplit: 0.25,
    callbacks: [callback],
    ...quiet,
  });
  expect(Object.keys(history)).toEqual(["loss", "accuracy", "valLoss", "valAccuracy"]);
  expect(epoch).toHaveLength(20);
  expect(stopped).toBeNull();
  expect(history["loss"][0]).toBeGreaterThan(0.6);
  expect(history["valAccuracy"].at(-1)).toBeGreaterThan(0.85);
  // What tests leave unowned may be collected meanwhile; no epoch leaves anything behind.
  const later = counts.slice(2);
  expect(later.filter((n, i) => i > 0 && n > later[i - 1])).toEqual([]);
});

test("the same seed gives the same history, another one another", async () => {
  const { x, y } = sequences(32);
  const run = async (seed: number): Promise<string> =>
    JSON.stringify(await tutorial(seed).fit(x, y, { epochs: 2, batchSize: 8, ...quiet }));
  expect(await run(0)).toBe(await run(0));
  expect(await run(0)).not.toBe(await run(1));
});

/** A model without randomness. */
function plain(optimizer = sgd({ learningRate: 0.1 })): Sequential {
  const model = sequential([layers.dense(4, { activation: "tanh" }), layers.dense(1)], {
    inputShape: [3],
  });
  model.compile({ loss: "meanSquaredError", optimizer, metrics: ["meanAbsoluteError"] });
  return model;
}

const [x, y] = [normal([10, 3], { key: key(3) }), normal([10, 1], { key: key(4) })];
const inOrder: FitOptions = { shuffle: false, ...quiet };

describe("a fit", () => {
  test("takes steps along the gradients of its batches, the smaller last one too", async () => {
    // In batches of 4, 4 and 2 as in three fits of one batch each.
    const together = plain();
    await together.fit(x, y, { batchSize: 4, ...inOrder });
    const apart = plain();
    for (const [start, stop] of [
      [0, 4],
      [4, 8],
      [8, 10],
    ]) {
      const part = (z: Tensor): Tensor => z.slice([{ start, stop }]);
      await apart.fit(part(x), part(y), { batchSize: 4, ...inOrder });
    }
    expect(distance(together.weights.parameters, apart.weights.parameters)).toBeLessThan(1e-7);
  });

  test("normalizes a smaller last batch by its own examples", async () => {
    const made = (): Sequential => {
      const model = sequential(
        [layers.dense(4), layers.batchNormalization({ momentum: 0.5 }), layers.dense(1)],
        { inputShape: [3] },
      );
      model.compile({ loss: "mse", optimizer: sgd({ learningRate: 0.1 }) });
      return model;
    };
    const [filled, apart] = [made(), made()];
    await filled.fit(x, y, { batchSize: 7, ...inOrder });
    for (const part of [{ stop: 7 }, { start: 7 }]) {
      await apart.fit(x.slice([part]), y.slice([part]), { batchSize: 7, ...inOrder });
    }
    expect(distance(filled.weights.parameters, apart.weights.parameters)).toBeLessThan(1e-6);
    expect(distance([filled.predict(x)], [apart.predict(x)])).toBeLessThan(1e-5);
  });

  test("does nothing if it is aborted before it starts", async () => {
    const model = plain();
    const before = mapTree(stopGradient, model.weights.parameters);
    const { stopped } = await model.fit(x, y, { signal: AbortSignal.abort(), ...quiet });
    expect(stopped).toBe("aborted in epoch 0");
    expect(distance(model.weights.parameters, before)).toBe(0);
  });

  test("goes on where the last one ended, with the optimizer's state", async () => {
    const once = plain(adam({ learningRate: 0.01 }));
    const twice = plain(adam({ learningRate: 0.01 }));
    const { history } = await once.fit(x, y, { epochs: 4, ...inOrder });
    await twice.fit(x, y, { epochs: 2, ...inOrder });
    const second = await twice.fit(x, y, { epochs: 4, initialEpoch: 2, ...inOrder });
    expect(second.epoch).toEqual([2, 3]);
    expect(distance(once.weights.parameters, twice.weights.parameters)).toBe(0);
    expect(second.history["loss"]).toEqual(history["loss"].slice(2));
  });

  test("weighs examples as if they were there more often", async () => {
    const weighed = plain();
    const sampleWeight = [1, 2, 3, 0, 1, 1, 1, 1, 1, 1];
    await weighed.fit(x, y, { batchSize: 16, sampleWeight, ...inOrder });
    const places = tensor(
      Int32Array.from(sampleWeight.flatMap((n, i) => Array.from({ length: n }, () => i))),
    );
    const repeated = plain();
    const rows = (z: Tensor): number[][] =>
      Array.from(places.dataSync(), (i) => (z.toArray() as number[][])[i]);
    await repeated.fit(rows(x), rows(y), { batchSize: 16, ...inOrder });
    expect(distance(weighed.weights.parameters, repeated.weights.parameters)).toBeLessThan(1e-6);
  });

  test("weighs classes", async () => {
    const model = (): Sequential => {
      const made = sequential([layers.dense(2, { activation: "softmax" })]);
      made.compile({ loss: "sparseCategoricalCrossentropy", optimizer: "sgd" });
      return made;
    };
    const labels = [0, 1, 1, 0, 1, 1, 1, 1, 0, 1];
    const [a, b] = [model(), model()];
    await a.fit(x, labels, { classWeight: { 0: 3 }, ...inOrder });
    const sampleWeight = labels.map((label) => (label === 0 ? 3 : 1));
    await b.fit(x, labels, { sampleWeight, ...inOrder });
    expect(distance(a.weights.parameters, b.weights.parameters)).toBe(0);
  });

  test("sees every example once in each epoch, in a new order", async () => {
    const seen: number[][] = [];
    const model = sequential([layers.dense(1)]);
    model.compile({
      loss: "meanSquaredError",
      optimizer: sgd({ learningRate: 0 }),
      metrics: [
        {
          name: "places",
          init: () => ({ sum: tensor(0), mixed: tensor(0) }),
          update: (state: { sum: Tensor; mixed: Tensor }, _: Tensor, targets: Tensor) => ({
            sum: state.sum.add(targets.sum()),
            // The order of batches shows in a sum that forgets.
            mixed: state.mixed.mul(0.5).add(targets.sum()),
          }),
          result: ({ sum, mixed }: { sum: Tensor; mixed: Tensor }) => {
            seen.push([sum.item(), mixed.item()]);
            return sum;
          },
        },
      ],
    });
    const numbers = Array.from({ length: 8 }, (_, i) => [2 ** i]);
    await model.fit(numbers, numbers, { epochs: 3, batchSize: 2, ...quiet });
    expect(seen.map(([sum]) => sum)).toEqual([255, 255, 255]);
    expect(new Set(seen.map(([, mixed]) => mixed)).size).toBe(3);
  });

  test("is stopped by a signal, and leaves the model usable", async () => {
    const model = plain();
    const controller = new AbortController();
    const callback: Callback = { onBatchEnd: (batch) => batch === 1 && controller.abort() };
    const { signal } = controller;
    const run = model.fit(x, y, {
      epochs: 5,
      batchSize: 2,
      signal,
      callbacks: [callback],
      ...quiet,
    });
    expect(await run).toEqual({ epoch: [], history: {}, stopped: "aborted in epoch 0" });
    expect(model.evaluate(x, y)["loss"]).toBeGreaterThan(0);
    expect((await model.fit(x, y, quiet)).epoch).toEqual([0]);
  });

  test("evaluates with the means of parameters that an optimizer keeps", async () => {
    const optimizer = exponentialAverage(sgd({ learningRate: 0.2 }), { decay: 0.5 });
    const model = plain(optimizer);
    const first = mapTree(stopGradient, model.weights.parameters);
    await model.fit(x, y, { batchSize: 10, ...inOrder });
    const other = plain();
    const shown = model.predict(x);
    other.setWeights(model.weights);
    expect(distance([other.predict(x)], [shown])).toBeGreaterThan(1e-4);
    expect(leaves(first).length).toBe(4);
  });
});

describe("evaluate and predict", () => {
  test("are the loss, the metrics and the outputs, whatever the batch", () => {
    const model = plain();
    const [dense, dense2] = ["dense", "dense2"].map(
      (name) => model.weights.parameters[name] as unknown as { W: Tensor; b: Tensor },
    );
    const wanted = x.matmul(dense.W).add(dense.b).tanh().matmul(dense2.W).add(dense2.b);
    for (const batchSize of [3, 10, 32]) {
      expect(distance([model.predict(x, { batchSize })], [wanted])).toBeLessThan(1e-6);
      const { loss, meanAbsoluteError } = model.evaluate(x, y, { batchSize });
      expect(loss).toBeCloseTo(wanted.sub(y).square().mean().item(), 5);
      expect(meanAbsoluteError).toBeCloseTo(wanted.sub(y).abs().mean().item(), 5);
    }
  });

  test("leave nothing behind but what they return", () => {
    const model = plain();
    model.predict(x).dispose();
    model.evaluate(x, y);
    const before = memory().buffers;
    model.predict(x).dispose();
    model.evaluate(x, y);
    expect(memory().buffers).toBe(before);
  });

  test("take targets [N] for outputs [N, 1], and losses of nn", async () => {
    const model = plain();
    expect(model.evaluate(x, y.reshape([10]))).toEqual(model.evaluate(x, y));
    const classes = sequential([layers.dense(3)]);
    classes.compile({
      loss: softmaxCrossEntropy,
      optimizer: chain(clipByGlobalNorm(1), adam()),
      metrics: ["accuracy", "topKAccuracy"],
    });
    const labels = tensor(Int32Array.from({ length: 10 }, (_, i) => i % 3));
    const { history } = await classes.fit(x, labels, { epochs: 2, ...quiet });
    expect(Object.keys(history)).toEqual(["loss", "accuracy", "topKAccuracy"]);
    expect(history["topKAccuracy"]).toEqual([1, 1]);
  });
});

describe("padding", () => {
  const padded = tensor([
    [3, 1, 2, 0, 0],
    [4, 4, 0, 0, 0],
    [1, 2, 3, 4, 5],
  ]);

  test("behind or in front of sequences is passed over, in every layer", () => {
    const model = sequential([
      layers.embedding(6, 4, { maskZero: true }),
      layers.bidirectional(layers.gru(3, { returnSequences: true })),
      layers.layerNormalization(),
      layers.globalAveragePooling1d(),
      layers.dense(2),
    ]);
    const all = model.predict(padded).toArray() as number[][];
    const front = tensor([
      [0, 0, 3, 1, 2],
      [0, 4, 0, 4, 0],
      [1, 2, 3, 4, 5],
    ]);
    expect(distance([model.predict(front)], [tensor(all)])).toBeLessThan(1e-6);
  });

  test("costs nothing in outputs for every step", () => {
    const model = sequential([
      layers.embedding(6, 4, { maskZero: true }),
      layers.lstm(3, { returnSequences: true }),
      layers.dense(6, { activation: "softmax" }),
    ]);
    model.compile({ loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    const targets = (filling: number): number[][] =>
      (padded.toArray() as number[][]).map((row) => row.map((s) => (s === 0 ? filling : s)));
    const [a, b] = [targets(1), targets(5)].map((t) => model.evaluate(padded, t));
    expect(a).toEqual(b);
    const p = model.predict(padded).toArray() as number[][][];
    const losses = targets(0).flatMap((row, i) =>
      row.flatMap((label, t) => (label === 0 ? [] : [-Math.log(p[i][t][label])])),
    );
    expect(a["loss"]).toBeCloseTo(losses.reduce((s, v) => s + v) / losses.length, 5);
  });
});

describe("callbacks", () => {
  const frozen = (): Sequential => plain(sgd({ learningRate: 0 }));

  test("earlyStopping ends a fit that gets no better, and puts the best parameters back", async () => {
    const { stopped, epoch } = await frozen().fit(x, y, {
      epochs: 10,
      validationData: [x, y],
      callbacks: [earlyStopping({ patience: 2 })],
      ...quiet,
    });
    expect(epoch).toEqual([0, 1, 2]);
    expect(stopped).toMatchInlineSnapshot(`"valLoss has not been better for 2 epochs, epoch 2"`);
    // The learning rate is so large that the first epoch is the best.
    const wild = plain(sgd({ learningRate: 3 }));
    const best: object[] = [];
    const keep: Callback = {
      onEpochEnd: (i, __, fit) => {
        if (i === 0) best.push(fit.model.getWeights().parameters);
      },
    };
    const restore = earlyStopping({ monitor: "loss", patience: 1, restoreBestWeights: true });
    const run = await wild.fit(x, y, { epochs: 5, callbacks: [keep, restore], ...inOrder });
    expect(run.epoch.length).toBeLessThan(5);
    expect(distance(wild.weights.parameters, best[0])).toBe(0);
  });

  test("learningRateScheduler and reduceLearningRateOnPlateau scale updates", async () => {
    const [a, b] = [plain(sgd({ learningRate: 0.1 })), plain(sgd({ learningRate: 0.05 }))];
    await a.fit(x, y, { callbacks: [learningRateScheduler(() => 0.5)], ...inOrder });
    await b.fit(x, y, inOrder);
    expect(distance(a.weights.parameters, b.weights.parameters)).toBeLessThan(1e-7);
    const rates: number[] = [];
    const watch: Callback = { onEpochEnd: (_, __, fit) => rates.push(fit.rate) };
    const plateau = reduceLearningRateOnPlateau({ monitor: "loss", factor: 0.5, patience: 1 });
    await frozen().fit(x, y, { epochs: 6, callbacks: [plateau, watch], ...inOrder });
    expect(rates).toEqual([1, 0.5, 0.25, 0.125, 0.0625, 0.03125]);
  });

  test("modelCheckpoint saves what can be put back, and terminateOnNaN ends", async () => {
    const saved: Uint8Array[] = [];
    const save = modelCheckpoint((bytes) => saved.push(bytes), {
      monitor: "loss",
      saveBestOnly: true,
      saveWeightsOnly: true,
    });
    const model = plain();
    await model.fit(x, y, { epochs: 3, callbacks: [save], ...inOrder });
    expect(saved).toHaveLength(3);
    const other = plain();
    other.loadWeights(saved[2]);
    expect(distance(other.weights.parameters, model.weights.parameters)).toBe(0);
    const broken = plain(sgd({ learningRate: 1e30 }));
    const { stopped } = await broken.fit(x, y, {
      epochs: 9,
      callbacks: [terminateOnNaN()],
      ...inOrder,
    });
    expect(stopped).toMatch(/^the loss is (NaN|Infinity) in batch \d/);
  });

  test("are told what happens, in order, and wait for one another", async () => {
    const told: string[] = [];
    const tell: Callback = {
      onTrainBegin: () => told.push("begin"),
      onEpochBegin: async (epoch) => {
        await Promise.resolve();
        told.push(`epoch ${epoch}`);
      },
      onBatchEnd: (batch) => told.push(`batch ${batch}`),
      onEpochEnd: (epoch, logs) => told.push(`end ${epoch} ${Object.keys(logs).join()}`),
      onTrainEnd: () => told.push("end"),
    };
    await plain().fit(x, y, { epochs: 1, batchSize: 5, callbacks: [tell], ...quiet });
    expect(told).toEqual([
      "begin",
      "epoch 0",
      "batch 0",
      "batch 1",
      "end 0 loss,meanAbsoluteError",
      "end",
    ]);
  });
});

describe("progress", () => {
  test("is a line for each epoch, or a bar on a terminal", async () => {
    const lines: string[] = [];
    const output = { write: (text: string) => lines.push(text), isTerminal: false };
    await plain().fit(x, y, { epochs: 2, validationData: [x, y], output });
    expect(lines.map((line) => line.replaceAll(/[\d.]+/g, "#"))).toEqual([
      "epoch #/#  # s  loss #  meanAbsoluteError #  valLoss #  valMeanAbsoluteError #\n",
      "epoch #/#  # s  loss #  meanAbsoluteError #  valLoss #  valMeanAbsoluteError #\n",
    ]);
    const drawn: string[] = [];
    const terminal = { write: (text: string) => drawn.push(text), isTerminal: true };
    const slow: Callback = { onBatchEnd: () => new Promise((r) => setTimeout(r, 60)) };
    await plain().fit(x, y, { batchSize: 4, output: terminal, callbacks: [slow] });
    expect(drawn.at(-1)?.startsWith("\r\u001B[Kepoch 1/1 ")).toBe(true);
    expect(drawn.slice(0, -1).join("")).toContain("█");
    // 2 is a line for each epoch there too, as in Keras.
    drawn.length = 0;
    await plain().fit(x, y, { batchSize: 4, output: terminal, callbacks: [slow], verbose: 2 });
    expect(drawn).toHaveLength(1);
    expect(drawn[0]).toContain("epoch 1/1 ");
  });
});

test("summary is a table of layers, shapes and parameters", () => {
  const model = sequential(
    [
      layers.embedding(100, 8, { maskZero: true }),
      layers.bidirectional(layers.lstm(16)),
      layers.batchNormalization(),
      layers.dense(4, { activation: "relu" }),
      layers.dense(1),
    ],
    { inputShape: [20] },
  );
  expect(model.summary()).toMatchInlineSnapshot(`
    "Layer               Output shape  Parameters
    ────────────────────────────────────────────
    embedding           [B, 20, 8]           800
    bidirectional       [B, 32]            3,200
    batchNormalization  [B, 32]              128
    dense               [B, 4]               132
    dense2 (dense)      [B, 1]                 5
    ────────────────────────────────────────────
    Parameters: 4,265
    Trained: 4,201
    Not trained: 64"
  `);
});

test("a cell of one's own in a model is the cell", () => {
  const cell = lstmCell(2, 3);
  const model = sequential([layers.recurrent(() => cell, { returnSequences: true })], {
    inputShape: [4, 2],
  });
  const xs = normal([5, 4, 2], { key: key(0) });
  const parameters = model.weights.parameters["recurrent"] as ReturnType<typeof cell.init>;
  const { outputs } = rnn(cell).apply(parameters, xs.permute([1, 0, 2]));
  expect(distance([model.predict(xs)], [outputs.permute([1, 0, 2])])).toBeLessThan(1e-6);
});

describe("what is refused", () => {
  const messages = async (calls: readonly (() => unknown)[]): Promise<string[]> => {
    const found: string[] = [];
    for (const call of calls) {
      try {
        await call();
        found.push("nothing");
      } catch (error) {
        found.push((error as Error).message);
      }
    }
    return found;
  };

  test("names, options and numbers", async () => {
    const model = plain();
    expect(
      await messages([
        () => model.compile({ loss: "mean" as "mse" }),
        () => model.compile({ loss: "mse", optimizer: "adagard" as "adam" }),
        () => model.compile({ loss: "mse", metrics: ["accurracy" as "accuracy"] }),
        () => model.compile({ loss: "mse", metric: [] } as never),
        () => model.fit(x, y, { epochs: 0 }),
        () => model.fit(x, y, { batchSize: 1.5 }),
        () => model.fit(x, y, { validationSplit: 1 }),
        () => model.fit(x, y, { validationSplit: 0.01 }),
        () => model.fit(x, y, { validationSplit: 0.5, validationData: [x, y] }),
        () => model.fit(x, y, { epoch: 3 } as never),
        () => model.fit(x, y, { shuffle: "no" as never }),
        () => model.fit(x, y, { verbose: 3 as never }),
        () => model.fit(x, y, { callbacks: {} as never }),
        () => model.fit(x, y, { callbacks: [undefined] as never }),
        () => model.fit(x, y, { signal: new AbortController() as never }),
        () => sequential([]),
        () => sequential(layers.dense(1) as never),
        () => layers.dense(4, { activation: "rely" as "relu" }),
        () => layers.lstm(4, { returnSequence: true } as never),
        () => layers.dropout(1),
        () => layers.conv2d(1, 2, { padding: "causal" }),
        () => earlyStopping({ patience: -1 }),
        () => earlyStopping({ mode: "up" as "min" }),
        () => model.fit(x, y, { callbacks: [earlyStopping()], ...quiet }),
        () => reduceLearningRateOnPlateau({ factor: 2 }),
      ]),
    ).toMatchInlineSnapshot(`
      [
        "compile: loss is one of binaryCrossentropy, categoricalCrossentropy, categoricalHinge, sparseCategoricalCrossentropy, meanSquaredError, mse, meanAbsoluteError, mae, meanAbsolutePercentageError, mape, meanSquaredLogarithmicError, msle, huber, logCosh, hinge, squaredHinge, cosineSimilarity, klDivergence, poisson, got "mean". Or give a function or an object.",
        "compile: optimizer is one of adadelta, adafactor, adagrad, adam, adamax, adamW, lamb, lion, muon, nadam, radam, rmsprop, sgd, got "adagard". Or give a function or an object.",
        "compile: a metric is one of accuracy, acc, areaUnderCurve, auc, binaryAccuracy, f1Score, precision, recall, rootMeanSquaredError, rSquared, topKAccuracy, binaryCrossentropy, categoricalCrossentropy, categoricalHinge, sparseCategoricalCrossentropy, meanSquaredError, mse, meanAbsoluteError, mae, meanAbsolutePercentageError, mape, meanSquaredLogarithmicError, msle, huber, logCosh, hinge, squaredHinge, cosineSimilarity, klDivergence, poisson, got "accurracy". Or give a function or an object.",
        "compile: options are loss, optimizer, metrics, got "metric". Remove or correct it.",
        "fit: epochs is a whole number from 1, got 0.",
        "fit: batchSize is a whole number from 1, got 1.5.",
        "fit: validationSplit is between 0 and 1, got 1.",
        "fit: validationSplit leaves examples on both sides, got 0 of 10 kept.",
        "fit: takes validationData or validationSplit, got both. Give one.",
        "fit: options are epochs, batchSize, stepsPerEpoch, validationData, validationSplit, validationBatchSize, validationFreq, shuffle, sampleWeight, classWeight, callbacks, initialEpoch, verbose, output, signal, got "epoch". Remove or correct it.",
        "fit: shuffle is true or false, got no.",
        "fit: verbose is true, false, 0, 1 or 2, got 3.",
        "fit: callbacks are a list of objects, got object.",
        "fit: callbacks are a list of objects, got object.",
        "fit: signal is an AbortSignal, got object.",
        "sequential: needs an array of at least one layer, got none.",
        "sequential: needs an array of at least one layer, got object.",
        "dense: activation is one of elu, exponential, gelu, hardSigmoid, leakyRelu, linear, logSoftmax, mish, relu, relu6, selu, sigmoid, silu, softmax, softplus, softsign, swish, tanh, got "rely". Or give a function or an object.",
        "lstm: options are returnSequences, goBackwards, dropout, recurrentDropout, kernelInitializer, recurrentInitializer, unitForgetBias, got "returnSequence". Remove or correct it.",
        "dropout: rate is from 0 and below 1, got 1.",
        "conv2d: padding is valid, same, got causal.",
        "earlyStopping: patience is a whole number from 0, got -1.",
        "earlyStopping: mode is "min" or "max", got up.",
        "earlyStopping: monitor is one of loss, meanAbsoluteError, got "valLoss". Give fit() validationData or validationSplit.",
        "reduceLearningRateOnPlateau: factor is between 0 and 1, got 2.",
      ]
    `);
  });

  test("data", async () => {
    const model = plain();
    const bare = sequential([layers.dense(1)]);
    const labels = sequential([layers.dense(3, { activation: "softmax" })]);
    labels.compile({ loss: "sparseCategoricalCrossentropy" });
    expect(
      await messages([
        () => model.fit(x, y.slice([{ stop: 9 }])),
        () => model.fit(x.slice([{ stop: 0 }]), y.slice([{ stop: 0 }])),
        () => model.fit(normal([10, 4], { key: key(0) }), y),
        () => model.fit([[1, 2, Number.NaN]], [1]),
        () => model.fit(x, y, { sampleWeight: [1] }),
        () => model.fit(x, y, { sampleWeight: Array.from({ length: 10 }, () => -1) }),
        () => model.predict(x, { batchSize: 0 }),
        () => model.evaluate(x, y, { batchSize: 0.5 }),
        () => model.predict(tensor(3)),
        () => bare.fit(x, y),
        () => bare.summary(),
        () => labels.fit([[1], [2]], [0, 3]),
        () => labels.fit([[1], [2]], [0, 0.5]),
        () => labels.fit([[1], [2]], [0, 1], { classWeight: { 0: 1, 2: Number.NaN } }),
        () => sequential([layers.lstm(2), layers.lstm(2)], { inputShape: [5, 3] }),
      ]),
    ).toMatchInlineSnapshot(`
      [
        "fit: inputs and targets need as many examples, and some, got 10 and 9.",
        "fit: inputs and targets need as many examples, and some, got 0 and 0.",
        "fit: the model takes inputs [B, 3], got [10, 4]. Shapes are those of the first inputs it has seen.",
        "fit: x must be finite numbers, got NaN in example 0. Fill gaps before, or mark them with masking().",
        "fit: sampleWeight is [10], one number for each example, or [10, 1] for their steps, got [1].",
        "fit: weights of examples are finite numbers from 0, got -1.",
        "predict: batchSize is a whole number from 1, got 0.",
        "evaluate: batchSize is a whole number from 1, got 0.5.",
        "predict: x needs examples along its first axis, got a number.",
        "fit: needs a model that is compiled, got one that is not. Call compile({ loss: "meanSquaredError", optimizer: "adam" }).",
        "weights: needs a model that knows the shape of its inputs, got one that has seen none. Give sequential() an inputShape, or call build().",
        "fit: labels are whole numbers from 0 and below 3, the size of the last layer, got 3 in example 1.",
        "fit: labels are whole numbers from 0 and below 3, the size of the last layer, got 0.5 in example 1.",
        "fit: weights of classes are finite numbers from 0, got NaN for 2.",
        "lstm: takes inputs [B, T, F], got [B, 2]. Put returnSequences: true into the layer before, or give each example steps and features.",
      ]
    `);
  });
});

describe("layers", () => {
  const shapes: Record<string, [layer: Parameters<typeof sequential>[0][number], input: number[]]> =
    {
      "conv1d, valid": [layers.conv1d(4, 3, { dilationRate: 2, strides: 2 }), [11, 2]],
      "conv1d, same": [layers.conv1d(4, 4, { padding: "same", strides: 3 }), [11, 2]],
      "conv1d, causal": [layers.conv1d(4, 3, { padding: "causal", groups: 2 }), [7, 2]],
      "conv2d, valid": [layers.conv2d(3, [2, 3], { strides: 2 }), [7, 8, 1]],
      "conv2d, same": [layers.conv2d(3, 3, { padding: "same", activation: "relu" }), [7, 8, 1]],
      "maxPooling1d, same": [layers.maxPooling1d(3, { strides: 2, padding: "same" }), [8, 2]],
      "averagePooling2d, same": [layers.averagePooling2d(2, { padding: "same" }), [5, 3, 2]],
      convLstm1d: [layers.convLstm1d(3, 2, { goBackwards: true }), [4, 5, 2]],
      convLstm2d: [layers.convLstm2d(3, [2, 3], { returnSequences: true }), [3, 4, 5, 2]],
      "permute and reshape": [layers.timeDistributed(layers.permute([2, 1])), [3, 4, 5]],
      "reshape, −1": [layers.reshape([2, -1]), [4, 3]],
      groupNormalization: [layers.groupNormalization(2), [5, 4]],
      selfAttention: [layers.selfAttention(2, { causal: true }), [5, 4]],
      globalMaxPooling2d: [layers.globalMaxPooling2d(), [3, 4, 2]],
      spatialDropout1d: [layers.spatialDropout1d(0.5), [4, 2]],
      maxPooling1d: [layers.maxPooling1d(3, { strides: 2 }), [9, 2]],
      averagePooling2d: [layers.averagePooling2d(2), [6, 5, 2]],
      batchNormalization: [layers.batchNormalization(), [4, 3]],
      layerNormalization: [layers.layerNormalization(), [4, 3]],
      "timeDistributed conv2d": [layers.timeDistributed(layers.conv2d(2, 2)), [3, 4, 4, 1]],
      repeatVector: [layers.repeatVector(3), [4]],
      bidirectional: [layers.bidirectional(layers.simpleRnn(3, { returnSequences: true })), [5, 2]],
    };

  test.each(Object.entries(shapes))("%s makes the shape that it says", (_, [layer, input]) => {
    const inputs = normal([2, ...input], { key: key(0) });
    expect(sequential([layer]).predict(inputs).shape).toEqual([
      2,
      ...layer.build(input).outputShape,
    ]);
  });

  test("batchNormalization trains on batches, and predicts by what it has seen of them", async () => {
    const model = sequential([layers.batchNormalization({ momentum: 0 }), layers.dense(1)]);
    model.compile({ loss: "mse", optimizer: sgd({ learningRate: 0 }) });
    const inputs = normal([64, 3], { key: key(2) })
      .mul(3)
      .add(5);
    await model.fit(
      inputs,
      Array.from({ length: 64 }, () => 0),
      { batchSize: 64, ...inOrder },
    );
    const only = sequential([layers.batchNormalization({ momentum: 0 })]);
    only.compile({ loss: "mse", optimizer: sgd({ learningRate: 0 }) });
    await only.fit(inputs, inputs, { batchSize: 64, ...inOrder });
    const seen = only.predict(inputs);
    expect(seen.mean({ axes: 0 }).abs().max().item()).toBeLessThan(1e-4);
    expect(seen.square().mean({ axes: 0 }).sub(1).abs().max().item()).toBeLessThan(0.03);
    expect(model.summary()).toContain("Not trained: 6");
  });
});

describe("layers as in Keras", () => {
  const given = normal([4, 6, 8], { key: key(0) });

  test("spatialDropout1d drops features in all steps, gaussianNoise adds, both in training alone", () => {
    const context = { key: key(5), real: null, running: {}, isFrozen: false };
    const apply = (layer: ReturnType<typeof layers.dropout>, input: Tensor): Tensor =>
      layer.build(input.shape.slice(1)).apply({}, { x: input }, context).x;
    const one = given.mul(0).add(1);
    const kept = apply(layers.spatialDropout1d(0.5), one);
    expect(
      kept
        .sub(kept.slice([{}, { stop: 1 }]))
        .abs()
        .max()
        .item(),
    ).toBe(0);
    expect(new Set(kept.dataSync())).toEqual(new Set([0, 2]));
    const noise = apply(layers.gaussianNoise(3), normal([100, 100], { key: key(1) }).mul(0));
    expect(noise.square().mean().sqrt().item()).toBeCloseTo(3, 1);
    for (const layer of [layers.spatialDropout1d(0.5), layers.gaussianNoise(3)]) {
      expect(distance([sequential([layer]).predict(given)], [given])).toBe(0);
    }
  });

  test("convLstm of a kernel of 1 at one place is the LSTM", () => {
    const lstm = sequential([layers.lstm(3)], { inputShape: [6, 8] });
    const conv = sequential([layers.convLstm1d(3, 1)], { inputShape: [6, 1, 8] });
    const { Wx, Wh, b } = lstm.weights.parameters["lstm"] as Record<string, Tensor>;
    const kernel = (W: Tensor): Tensor => W.transpose().reshape([12, W.shape[0], 1]);
    conv.setWeights({ parameters: { convLstm1d: { Wx: kernel(Wx), Wh: kernel(Wh), b } } });
    const outputs = conv.predict(given.reshape([4, 6, 1, 8])).reshape([4, 3]);
    expect(distance([outputs], [lstm.predict(given)])).toBeLessThan(1e-6);
  });

  test("selfAttention and globalMaxPooling1d pass over padding", () => {
    const model = sequential([
      layers.masking(),
      layers.selfAttention(2),
      layers.globalMaxPooling1d(),
    ]);
    const short = given.slice([{}, { stop: 4 }]);
    const padded = pad(short, [
      [0, 0],
      [0, 2],
      [0, 0],
    ]);
    const outputs = model.predict(padded);
    const alone = sequential([layers.selfAttention(2), layers.globalMaxPooling1d()]);
    alone.build([4, 8]);
    alone.setWeights({
      parameters: { selfAttention: model.weights.parameters["selfAttention"] },
    });
    expect(distance([outputs], [alone.predict(short)])).toBeLessThan(1e-6);
    expect(model.predict(padded.mul(0)).abs().max().item()).toBe(0);
  });

  test("take first values by name, and options of cells", () => {
    const model = sequential(
      [
        layers.gru(4, { kernelInitializer: "zeros", returnSequences: true, resetAfter: false }),
        layers.lstm(2, { recurrentInitializer: "identity", unitForgetBias: false }),
        layers.dense(2, { kernelInitializer: "ones", useBias: false }),
      ],
      { inputShape: [6, 8] },
    );
    const { gru, lstm, dense } = model.weights.parameters as Record<string, Record<string, Tensor>>;
    expect(Object.keys(gru)).toEqual(["Wx", "Wh", "b"]);
    expect(gru["Wx"].abs().max().item()).toBe(0);
    expect(lstm["b"].abs().max().item()).toBe(0);
    expect(lstm["Wh"].toArray()).toEqual([
      [1, 0, 0, 0, 0, 0, 0, 0],
      [0, 1, 0, 0, 0, 0, 0, 0],
    ]);
    expect(dense["W"].toArray()).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test("losses by name, as losses and as metrics, are their formulas", () => {
    const [p, t] = [
      [
        [0.5, 2, 3],
        [1, 0.25, 0.5],
      ],
      [
        [0, 1, 0],
        [1, 0, 0],
      ],
    ];
    const identity = sequential([layers.activation("linear")]);
    const mean = (f: (p: number, t: number) => number): number =>
      p.flat().reduce((total, v, i) => total + f(v, t.flat()[i]), 0) / 6;
    const wanted = {
      mape: mean((a, b) => (100 * Math.abs(a - b)) / Math.max(b, 1e-7)),
      msle: mean((a, b) => (Math.log(1 + a) - Math.log(1 + Math.max(b, 1e-7))) ** 2),
      mse: mean((a, b) => (a - b) ** 2),
      // 1 + 3 − 2 and 1 + 0.5 − 1.
      categoricalHinge: (2 + 0.5) / 2,
    };
    for (const [name, value] of Object.entries(wanted)) {
      const loss = name as "mape";
      identity.compile({ loss, metrics: [loss] });
      const logs = identity.evaluate(p, t);
      expect(logs["loss"] / value).toBeCloseTo(1, 5);
      expect(logs[name] / value).toBeCloseTo(1, 5);
    }
  });

  test("cosineSimilarity is negative as a loss and positive as a metric", () => {
    const model = sequential([layers.activation("linear")]);
    model.compile({ loss: "cosineSimilarity", metrics: ["cosineSimilarity"] });
    const { loss, cosineSimilarity } = model.evaluate([[3, 4]], [[1, 0]]);
    expect([loss, cosineSimilarity].map((v) => v.toFixed(5))).toEqual(["-0.60000", "0.60000"]);
  });

  test("two metrics of a name have two places in the history", () => {
    const model = sequential([layers.dense(1)]);
    model.compile({ loss: "mse", metrics: ["mae", "mae"] });
    expect(Object.keys(model.evaluate([[1]], [1]))).toEqual(["loss", "mae", "mae2"]);
  });
});
