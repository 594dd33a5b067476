/** @file What a model keeps: its weights and its optimizer's state, saved, loaded, frozen, handed on. */
import { key, memory, normal, setDefaultBackend, tensor, type Tensor } from "@tapeloop/autograd";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { decodeSafetensors, encodeSafetensors } from "@tapeloop/io";
import { adam, exponentialAverage, sgd } from "@tapeloop/optim";
import {
  backupAndRestore,
  type Callback,
  csvLogger,
  earlyStopping,
  layers,
  modelCheckpoint,
  type Sequential,
  sequential,
} from "@tapeloop/train";
import { describe, expect, test } from "vitest";
import { distance } from "../models/distance.ts";

setDefaultBackend(wasmBackend({ deterministic: true }));

const quiet = { verbose: false } as const;
const [x, y] = [normal([20, 3], { key: key(3) }), normal([20, 1], { key: key(4) })];

/** A model with all that can be forgotten: running means, moments, random numbers. */
function made(seed = 0, optimizer = adam({ learningRate: 0.01 })): Sequential {
  const model = sequential(
    [
      layers.dense(4),
      layers.batchNormalization({ momentum: 0.5 }),
      layers.dropout(0.2),
      layers.dense(1),
    ],
    { inputShape: [3], seed },
  );
  model.compile({ loss: "mse", optimizer });
  return model;
}

/** The message of what a call throws. */
async function refusal(call: () => unknown): Promise<string> {
  try {
    await call();
    return "nothing";
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

describe("weights", () => {
  test("saved and loaded are those of the model, running means too", async () => {
    const model = made();
    await model.fit(x, y, { epochs: 2, ...quiet });
    const bytes = model.saveWeights({ made: "here" });
    const { tensors, metadata } = decodeSafetensors(bytes);
    expect(Object.keys(tensors)).toEqual([
      "parameters.dense.W",
      "parameters.dense.b",
      "parameters.batchNormalization.gain",
      "parameters.batchNormalization.bias",
      "parameters.dense2.W",
      "parameters.dense2.b",
      "running.batchNormalization.mean",
      "running.batchNormalization.variance",
    ]);
    expect(metadata).toEqual({ made: "here" });
    for (const file of [bytes, model.save()]) {
      const other = made(1);
      other.loadWeights(file);
      expect(distance(other.weights, model.weights)).toBe(0);
      expect(distance([other.predict(x)], [model.predict(x)])).toBe(0);
    }
  });

  test("of another model are refused, and leave the model as it was", async () => {
    const model = made();
    const before = model.getWeights();
    const bytes = model.saveWeights();
    const { tensors } = decodeSafetensors(bytes);
    const { "parameters.dense.W": W, ...others } = tensors;
    const wide = { dtype: "float64", shape: [3, 4], data: new Float64Array(12) } as const;
    const long = { dtype: "float32", shape: [4, 3], data: new Float32Array(12) } as const;
    const messages = [
      await refusal(() => model.loadWeights(encodeSafetensors(others))),
      await refusal(() => model.loadWeights(encodeSafetensors({ ...tensors, more: W }))),
      await refusal(() =>
        model.loadWeights(encodeSafetensors({ ...others, "parameters.dense.W": long })),
      ),
      await refusal(() =>
        model.loadWeights(encodeSafetensors({ ...others, "parameters.dense.W": wide })),
      ),
      await refusal(() => model.load(bytes)),
      await refusal(() =>
        model.setWeights({ parameters: { dense: { W: tensor([1]), b: tensor([1]) } } }),
      ),
      await refusal(() => model.setWeights({ parameters: { dance: {} } })),
      await refusal(() => model.getLayer("dance")),
    ];
    expect(messages).toMatchInlineSnapshot(`
      [
        "TreeError: loadWeights: the file has the tensors of the model, got none for parameters.dense.W. Load it into a model of the same layers, compiled with the same optimizer.",
        "TreeError: loadWeights: the file has the tensors of the model, got unknown more. Load it into a model of the same layers, compiled with the same optimizer.",
        "ShapeError: loadWeights: "parameters.dense.W" of the model is float32[3,4], got float32[4,3].",
        "DTypeError: loadWeights: "parameters.dense.W" of the model is float32[3,4], got float64[3,4].",
        "TreeError: load: the file has the tensors of the model, got none for optimizer[0].step, optimizer[0].m.dense.W, optimizer[0].m.dense.b and 12 more. Load it into a model of the same layers, compiled with the same optimizer.",
        "ShapeError: setWeights: "parameters.dense.W" of the model is float32[3,4], got float32[1].",
        "TreeError: tree: structures must be the same at "parameters", got an object with the keys dense, batchNormalization, dropout, dense2 and an object with the keys dense, batchNormalization, dropout, dense2, dance.",
        "ArgumentError: getLayer: layers are dense, batchNormalization, dropout, dense2, got "dance".",
      ]
    `);
    expect(await refusal(() => model.loadWeights(bytes.subarray(0, 100)))).toMatch(
      /^FormatError: /,
    );
    expect(distance(model.weights, before)).toBe(0);
  });

  test("of some layers are set alone, and copies outlive training", async () => {
    const [one, other] = [made(0), made(1)];
    const copy = one.getWeights();
    other.setWeights({ parameters: { dense: one.weights.parameters["dense"] } });
    expect(distance(other.weights.parameters["dense"], copy.parameters["dense"])).toBe(0);
    expect(distance(other.weights.parameters["dense2"], copy.parameters["dense2"])).toBeGreaterThan(
      0.01,
    );
    await one.fit(x, y, quiet);
    expect(distance(one.weights, copy)).toBeGreaterThan(0.001);
    one.setWeights(copy);
    expect(distance(one.weights, copy)).toBe(0);
    expect(distance(one.weights.running, made().weights.running)).toBe(0);
  });

  test("of the best epoch are put back with their running means", async () => {
    const model = made(0, sgd({ learningRate: 3 }));
    const seen: ReturnType<Sequential["getWeights"]>[] = [];
    const keep: Callback = { onEpochEnd: (_, __, fit) => seen.push(fit.model.getWeights()) };
    const restore = earlyStopping({ monitor: "loss", patience: 2, restoreBestWeights: true });
    const { history } = await model.fit(x, y, { epochs: 9, callbacks: [keep, restore], ...quiet });
    const best = history["loss"].indexOf(Math.min(...history["loss"]));
    expect(best).toBeLessThan(seen.length - 1);
    expect(distance(model.weights, seen[best])).toBe(0);
    expect(distance(model.weights.running, seen[seen.length - 1].running)).toBeGreaterThan(0);
  });
});

describe("training", () => {
  test("goes on from saved bytes bit for bit, as if it had not been away", async () => {
    const whole = made();
    const { history } = await whole.fit(x, y, { epochs: 4, batchSize: 8, ...quiet });
    const first = made();
    await first.fit(x, y, { epochs: 2, batchSize: 8, ...quiet });
    const second = made(7);
    second.load(first.save());
    const rest = await second.fit(x, y, { epochs: 4, initialEpoch: 2, batchSize: 8, ...quiet });
    expect(rest.epoch).toEqual([2, 3]);
    expect(rest.history["loss"]).toEqual(history["loss"].slice(2));
    expect(distance(second.weights, whole.weights)).toBe(0);
  });

  test("goes on from the backup of a fit that was broken off, and forgets it at the end", async () => {
    let kept: Uint8Array | null = null;
    const backup = backupAndRestore({
      read: () => kept,
      write: (bytes) => (kept = bytes),
      remove: () => (kept = null),
    });
    const halving: Callback = {
      onEpochBegin: (epoch, fit) => (fit.rate = epoch === 0 ? 0.5 : fit.rate),
    };
    const whole = made();
    await whole.fit(x, y, { epochs: 4, callbacks: [halving], ...quiet });
    const broken: Callback = {
      onEpochBegin: (epoch) => {
        if (epoch === 2) throw new Error("power cut");
      },
    };
    const options = { epochs: 4, ...quiet };
    const callbacks = [backup, halving];
    expect(
      await refusal(() => made().fit(x, y, { ...options, callbacks: [...callbacks, broken] })),
    ).toBe("Error: power cut");
    expect(kept).not.toBeNull();
    const again = made(5);
    expect((await again.fit(x, y, { ...options, callbacks })).epoch).toEqual([2, 3]);
    expect(distance(again.weights, whole.weights)).toBe(0);
    expect(kept).toBeNull();
  });

  test("with modelCheckpoint goes on from its last bytes", async () => {
    let last: Uint8Array = new Uint8Array();
    const save = modelCheckpoint((bytes, epoch) => {
      if (epoch === 1) last = bytes;
    });
    const model = made();
    await model.fit(x, y, { epochs: 3, callbacks: [save], ...quiet });
    const other = made(1);
    other.load(last);
    await other.fit(x, y, { epochs: 3, initialEpoch: 2, ...quiet });
    expect(distance(other.weights, model.weights)).toBe(0);
  });

  test("on single batches is the same as a fit over them", async () => {
    const plain = (): Sequential => {
      const model = sequential([layers.dense(1)], { inputShape: [3] });
      model.compile({ loss: "mse", optimizer: sgd({ learningRate: 0.1 }), metrics: ["mae"] });
      return model;
    };
    const [fitted, stepped] = [plain(), plain()];
    await fitted.fit(x, y, { batchSize: 12, shuffle: false, ...quiet });
    const part = (z: Tensor, start: number, stop: number): Tensor => z.slice([{ start, stop }]);
    for (const [a, b] of [
      [0, 12],
      [12, 20],
    ]) {
      const [xs, ys] = [part(x, a, b), part(y, a, b)];
      const measured = stepped.evaluate(xs, ys);
      const logs = stepped.trainOnBatch(xs, ys);
      expect(logs["loss"]).toBeCloseTo(measured["loss"], 6);
      xs.dispose();
      ys.dispose();
    }
    expect(distance(fitted.weights, stepped.weights)).toBe(0);
    const xs = part(x, 0, 12);
    const ys = part(y, 0, 12);
    const before = memory().buffers;
    for (let i = 0; i < 3; i++) stepped.trainOnBatch(xs, ys);
    expect(memory().buffers).toBe(before);
  });
});

describe("layers", () => {
  test("that are frozen stay as they are, batch normalization too", async () => {
    const model = made(0, exponentialAverage(sgd({ learningRate: 0.1 }), { decay: 0.5 }));
    model.freeze("dense", "batchNormalization");
    expect(model.summary().split("\n").slice(-3)).toEqual([
      "Parameters: 37",
      "Trained: 5",
      "Not trained: 32",
    ]);
    const before = model.getWeights();
    await model.fit(x, y, { epochs: 2, ...quiet });
    const { parameters, running } = model.weights;
    expect(distance(parameters["dense"], before.parameters["dense"])).toBe(0);
    expect(distance(running, before.running)).toBe(0);
    expect(distance(parameters["dense2"], before.parameters["dense2"])).toBeGreaterThan(0.001);
    expect(model.layers.map(({ isTrained }) => isTrained)).toEqual([false, false, true, true]);
    model.unfreeze();
    await model.fit(x, y, quiet);
    expect(distance(model.weights.parameters["dense"], before.parameters["dense"])).toBeGreaterThan(
      0.001,
    );
    model.freeze();
    const all = model.getWeights();
    await model.fit(x, y, quiet);
    expect(distance(model.weights, all)).toBe(0);
  });

  test("are put behind others and taken away; the others keep their weights", async () => {
    const model = made();
    await model.fit(x, y, { epochs: 2, ...quiet });
    const before = model.getWeights();
    model.pop();
    expect(model.predict(x).shape).toEqual([20, 4]);
    model.add(layers.named("head", layers.dense(2)));
    expect(distance(model.weights.parameters["dense"], before.parameters["dense"])).toBe(0);
    expect(distance(model.weights.running, before.running)).toBe(0);
    expect(model.getLayer("head")).toEqual({
      name: "head",
      type: "dense",
      outputShape: [2],
      parameterCount: 10,
      isTrained: true,
    });
    expect(model.getLayer(0).name).toBe("dense");
    expect(model.countParams()).toBe(42);
    await model.fit(x, normal([20, 2], { key: key(1) }), quiet);
    expect(await refusal(() => model.add(layers.lstm(2)))).toMatch(/^ArgumentError: lstm: takes/);
    expect(model.layers).toHaveLength(4);
    expect(
      await refusal(() => model.add(layers.named("head", layers.dense(2)))),
    ).toMatchInlineSnapshot(
      `"ArgumentError: sequential: names of layers differ, got "head" twice."`,
    );
    expect(await refusal(() => layers.named("a.b", layers.dense(2)))).toMatchInlineSnapshot(
      `"ArgumentError: named: a name has letters, digits, "-" and "_", got "a.b"."`,
    );
    expect(await refusal(() => sequential([layers.flatten()]).pop())).toMatchInlineSnapshot(
      `"ArgumentError: pop: leaves at least one layer, got a model of one."`,
    );
  });
});

describe("a fit", () => {
  test("refuses a second one beside it, and what would change the model under it", async () => {
    const model = made();
    const messages: string[] = [];
    const during: Callback = {
      onEpochBegin: async () => {
        for (const call of [
          () => model.fit(x, y, quiet),
          () => model.compile({ loss: "mse" }),
          () => model.trainOnBatch(x, y),
          () => model.add(layers.flatten()),
          () => model.pop(),
          () => model.build([3]),
          () => model.freeze(),
        ]) {
          messages.push(await refusal(call));
        }
        // Looking is allowed.
        model.evaluate(x, y);
      },
    };
    await model.fit(x, y, { callbacks: [during], ...quiet });
    expect(new Set(messages.map((m) => m.replace(/: \w+:/, ":")))).toEqual(
      new Set([
        "ArgumentError: the model is not being fitted, got a fit that has not ended. Await the fit before.",
      ]),
    );
    expect(messages).toHaveLength(7);
    expect((await model.fit(x, y, quiet)).epoch).toEqual([0]);
    // One that has failed stands in nobody's way.
    const failing: Callback = { onBatchBegin: () => Promise.reject(new Error("no")) };
    expect(await refusal(() => model.fit(x, y, { callbacks: [failing], ...quiet }))).toBe(
      "Error: no",
    );
    expect((await model.fit(x, y, quiet)).epoch).toEqual([0]);
  });

  test("lets others run between the batches of validation data, and hears its signal there", async () => {
    const slow = sequential([
      {
        type: "slow",
        build: (shape) => ({
          outputShape: shape,
          init: () => ({}),
          apply: (_, flow) => flow,
        }),
      },
      layers.dense(1),
    ]);
    const controller = new AbortController();
    let measured = 0;
    slow.compile({
      loss: (p, t) => p.sub(t).square(),
      metrics: [
        {
          name: "batches",
          init: () => ({ n: tensor(0) }),
          update: (state: { n: Tensor }) => ({ n: state.n.add(1) }),
          result: ({ n }: { n: Tensor }) => {
            measured = n.item();
            return n;
          },
        },
      ],
    });
    let timers = 0;
    let isOver = false;
    const count = (): void => {
      timers++;
      if (!isOver) setTimeout(count, 0);
    };
    const many = normal([4000, 3], { key: key(0) });
    const targets = normal([4000, 1], { key: key(1) });
    const begin: Callback = {
      onBatchEnd: () => {
        if (timers === 0) count();
      },
    };
    const options = { validationData: [many, targets], validationBatchSize: 1, ...quiet } as const;
    const run = await slow.fit(x, y, { ...options, callbacks: [begin] });
    isOver = true;
    expect(run.history["valBatches"]).toEqual([4000]);
    expect(timers).toBeGreaterThan(1);
    measured = 0;
    setTimeout(() => controller.abort(), 20);
    const aborted = await slow.fit(x, y, { ...options, signal: controller.signal });
    expect(aborted).toEqual({ epoch: [], history: {}, stopped: "aborted in epoch 0" });
    expect(measured).toBe(1);
  });

  test("counts epochs, steps and validations as Keras does", async () => {
    const batches: number[] = [];
    const count: Callback = { onBatchEnd: (batch) => batches.push(batch) };
    const { epoch, history } = await made().fit(x, y, {
      epochs: 5,
      initialEpoch: 1,
      batchSize: 5,
      stepsPerEpoch: 2,
      validationData: [x, y, Array.from({ length: 20 }, (_, i) => i % 2)],
      validationFreq: 2,
      callbacks: [count, earlyStopping({ monitor: "valLoss", patience: 9 })],
      ...quiet,
    });
    expect(epoch).toEqual([1, 2, 3, 4]);
    expect(batches).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
    expect(history["valLoss"]).toHaveLength(2);
    const none = await made().fit(x, y, { epochs: 2, initialEpoch: 2, ...quiet });
    expect(none).toEqual({ epoch: [], history: {}, stopped: null });
  });

  test("weighs steps of sequences, in training and in evaluation", async () => {
    const model = sequential([layers.dense(1)], { inputShape: [4, 2] });
    model.compile({ loss: "mse", optimizer: sgd({ learningRate: 0.1 }) });
    const xs = normal([6, 4, 2], { key: key(0) });
    const ys = normal([6, 4, 1], { key: key(1) });
    const sampleWeight = Array.from({ length: 6 }, () => [0, 0, 1, 3]);
    const p = model.predict(xs);
    const losses = p
      .sub(ys)
      .square()
      .mean({ axes: [0, 2] })
      .toArray() as number[];
    const wanted = (losses[2] + 3 * losses[3]) / 4;
    expect(model.evaluate(xs, ys, { sampleWeight })["loss"]).toBeCloseTo(wanted, 5);
    const { history } = await model.fit(xs, ys, { sampleWeight, ...quiet });
    expect(history["loss"][0]).toBeCloseTo(wanted, 5);
  });

  test("weighs classes of one-hot rows and of steps as those of labels", async () => {
    const weights = { 0: 3, 2: 0.5 };
    const make = (
      loss: "categoricalCrossentropy" | "sparseCategoricalCrossentropy",
    ): Sequential => {
      const model = sequential([layers.dense(3, { activation: "softmax" })]);
      model.compile({ loss, optimizer: "sgd" });
      return model;
    };
    const [a, b] = [make("sparseCategoricalCrossentropy"), make("categoricalCrossentropy")];
    const labels = Array.from({ length: 20 }, (_, i) => i % 3);
    const rows = labels.map((label) => [0, 1, 2].map((c) => (c === label ? 1 : 0)));
    await a.fit(x, labels, { classWeight: weights, shuffle: false, ...quiet });
    await b.fit(x, rows, { classWeight: weights, shuffle: false, ...quiet });
    expect(distance(a.weights, b.weights)).toBeLessThan(1e-7);
    const steps = make("sparseCategoricalCrossentropy");
    const apart = make("sparseCategoricalCrossentropy");
    const xs = normal([5, 4, 3], { key: key(0) });
    const grid = Array.from({ length: 5 }, (_, i) => labels.slice(4 * i, 4 * i + 4));
    await steps.fit(xs, grid, { classWeight: weights, shuffle: false, ...quiet });
    await apart.fit(xs.reshape([20, 3]), labels, {
      classWeight: weights,
      shuffle: false,
      ...quiet,
    });
    expect(distance(steps.weights, apart.weights)).toBeLessThan(1e-6);
  });

  test("is written as a table, with NA for what was not measured", async () => {
    const lines: string[] = [];
    const log = csvLogger((line) => lines.push(line), { separator: ";" });
    const options = {
      validationData: [x, y],
      validationFreq: 2,
      callbacks: [log],
      ...quiet,
    } as const;
    const { history } = await made().fit(x, y, { epochs: 2, ...options });
    const more = csvLogger((line) => lines.push(line), { append: true });
    await made().fit(x, y, { callbacks: [more], epochs: 3, initialEpoch: 2, ...quiet });
    expect(lines.slice(0, 3)).toEqual([
      "epoch;loss;valLoss\n",
      `0;${history["loss"][0]};NA\n`,
      `1;${history["loss"][1]};${history["valLoss"][0]}\n`,
    ]);
    expect(lines[3]).toMatch(/^2,[\d.]+\n$/);
    expect(lines).toHaveLength(4);
  });
});
