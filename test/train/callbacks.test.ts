/** @file When callbacks act: against losses that are given, counted by the rules of Keras. */
import {
  type Callback,
  earlyStopping,
  type FitControl,
  modelCheckpoint,
  reduceLearningRateOnPlateau,
} from "@tapeloop/train";
import { describe, expect, test } from "vitest";

/** What a callback did over epochs with these losses: when it stopped, the rates, and the weights at the end. */
async function driven(
  callback: Callback,
  losses: readonly number[],
): Promise<{ stoppedAt: number | null; rates: number[]; weightsOf: number }> {
  let [current, stoppedAt]: [number, number | null] = [0, null];
  const fit = {
    names: ["loss"],
    rate: 1,
    stop: () => (stoppedAt ??= current),
    // The weights of an epoch are its number.
    model: {
      getWeights: () => current,
      saveWeights: () => Uint8Array.of(current),
      setWeights: (epoch: number) => (current = epoch),
    },
  } as unknown as FitControl;
  const rates: number[] = [];
  await callback.onTrainBegin?.(fit);
  for (const [epoch, loss] of losses.entries()) {
    current = epoch;
    await callback.onEpochEnd?.(epoch, { loss }, fit);
    rates.push(fit.rate);
    if (stoppedAt !== null) break;
  }
  await callback.onTrainEnd?.(fit);
  return { stoppedAt, rates, weightsOf: current };
}

describe("earlyStopping", () => {
  test("with startFromEpoch sees nothing before it", async () => {
    const losses = [1, 2, 3, 4, 3, 5, 6];
    const from = (startFromEpoch: number): Callback =>
      earlyStopping({ monitor: "loss", patience: 2, restoreBestWeights: true, startFromEpoch });
    expect(await driven(from(0), losses)).toMatchObject({ stoppedAt: 2, weightsOf: 0 });
    expect(await driven(from(3), losses)).toMatchObject({ stoppedAt: 6, weightsOf: 4 });
  });

  test("with a baseline waits until a value is better than that, and puts back the best all the same", async () => {
    const below = (baseline: number): Callback =>
      earlyStopping({ monitor: "loss", patience: 3, baseline, restoreBestWeights: true });
    // Better each time, never good enough.
    expect(await driven(below(1), [5, 3, 4, 4])).toMatchObject({ stoppedAt: 2, weightsOf: 1 });
    expect(await driven(below(3.5), [5, 4, 3, 4, 5, 6])).toMatchObject({
      stoppedAt: 5,
      weightsOf: 2,
    });
  });

  test("counts only what is better by more than minDelta, upwards if it should rise", async () => {
    const options = { monitor: "loss", patience: 2, minDelta: 0.5 } as const;
    expect(await driven(earlyStopping(options), [3, 2.6, 2.5])).toMatchObject({ stoppedAt: 2 });
    expect(await driven(earlyStopping(options), [3, 2.6, 2.4])).toMatchObject({ stoppedAt: null });
    const upwards = earlyStopping({ ...options, mode: "max", baseline: 2 });
    expect(await driven(upwards, [1, 3, 3.4, 3.5])).toMatchObject({ stoppedAt: 3 });
  });
});

describe("reduceLearningRateOnPlateau", () => {
  test("rests for its cooldown, in which it sees what is better and counts nothing", async () => {
    const plateau = (cooldown: number): Callback =>
      reduceLearningRateOnPlateau({ monitor: "loss", factor: 0.5, patience: 1, cooldown });
    const flat = [1, 1, 1, 1, 1, 1, 1];
    expect((await driven(plateau(0), flat)).rates.map(Math.log2)).toEqual([
      0, -1, -2, -3, -4, -5, -6,
    ]);
    // Keras counts the epoch in which the cooldown ends.
    expect((await driven(plateau(2), flat)).rates.map(Math.log2)).toEqual([
      0, -1, -1, -2, -2, -3, -3,
    ]);
    // What is seen while it rests is the best from then on.
    expect((await driven(plateau(2), [2, 2, 1, 1.5])).rates.map(Math.log2)).toEqual([
      0, -1, -1, -2,
    ]);
  });

  test("goes no lower than its least factor", async () => {
    const options = { monitor: "loss", factor: 0.5, patience: 1, least: 0.3 };
    const { rates } = await driven(reduceLearningRateOnPlateau(options), [1, 1, 1, 1]);
    expect(rates).toEqual([1, 0.5, 0.3, 0.3]);
  });
});

test("modelCheckpoint with a baseline saves what is the best and better than that", async () => {
  const saved: number[] = [];
  const save = modelCheckpoint(([epoch]) => saved.push(epoch), {
    monitor: "loss",
    saveBestOnly: true,
    saveWeightsOnly: true,
    baseline: 3,
  });
  await driven(save, [5, 4, 2, 2.5, 1]);
  expect(saved).toEqual([2, 4]);
});

test("numbers out of range are refused", () => {
  const message = (make: () => unknown): string => {
    try {
      make();
    } catch (error) {
      return (error as Error).message;
    }
    return "nothing was thrown";
  };
  expect(message(() => reduceLearningRateOnPlateau({ least: -1 }))).toMatchInlineSnapshot(
    `"reduceLearningRateOnPlateau: least is between 0 and 1, got -1."`,
  );
  expect(message(() => earlyStopping({ baseline: Number.NaN }))).toMatchInlineSnapshot(
    `"earlyStopping: baseline is a number, got NaN."`,
  );
});
