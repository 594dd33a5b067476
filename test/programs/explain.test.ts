import {
  explain,
  grad,
  scan,
  type ScanOptions,
  setDefaultBackend,
  trace,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { lstmCell } from "@tapeloop/nn";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

describe("explain", () => {
  const [T, B, H] = [64, 8, 16];
  const cell = lstmCell(H, H);
  const of = (save: NonNullable<ScanOptions["save"]>) =>
    explain(
      trace(
        grad((p: Parameters<typeof cell.step>[0]) =>
          scan(cell.step, p, cell.initialState(B), zeros([T, B, H]), { save })[1].sum(),
        ),
        { Wx: zeros([H, 4 * H]), Wh: zeros([H, 4 * H]), b: zeros([4 * H]) },
      ),
    );
  const state = 4 * B * H;

  test("an LSTM keeps seven states of every step: four gates, tanh c, c and h before it", () => {
    const [forwards, backwards] = of("all").loops;
    expect([forwards.steps, forwards.reverse, backwards.reverse]).toEqual([T, false, true]);
    expect(forwards.keptBytes).toBe(7 * T * state);
    // The derivative of the gates, from which the gradients of the weights come.
    expect(backwards.keptBytes).toBe(4 * T * state);
  });

  test("fewer kept states take fewer bytes: all, the states alone, every eighth", () => {
    const kept = (["all", "carries", { every: 8 }] as const).map(
      (save) => of(save).loops[0].keptBytes,
    );
    expect(kept).toEqual([7 * T * state, 2 * T * state, 2 * (T / 8) * state]);
    const peaks = (["all", "carries", { every: 8 }] as const).map((save) => of(save).peakBytes);
    expect(peaks[0]).toBeGreaterThan(peaks[1]);
    expect(peaks[1]).toBeGreaterThan(peaks[2]);
  });

  test("says it in words", () => {
    expect(String(of("all"))).toMatchInlineSnapshot(`
      "53 ops, inputs 8.45 kB, at most 432 kB of results at a time
      loop of 64 steps forwards: 13 ops a step, keeps 229 kB
      loop of 64 steps backwards: 25 ops a step, keeps 131 kB"
    `);
  });
});
