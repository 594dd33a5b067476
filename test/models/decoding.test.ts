/** @file Decoding: greedy, sampled, by beams; and a model that learns to say a sequence backwards. */
import {
  compile,
  gather,
  key,
  leaves,
  log,
  logSoftmax,
  memory,
  normal,
  randomInts,
  setDefaultBackend,
  softmax,
  splitKey,
  step as stepOnce,
  sub,
  tensor,
  type Tensor,
  valueAndGrad,
} from "@tapeloop/autograd";
import { wasmBackend } from "@tapeloop/backend-wasm";
import {
  beamSearch,
  type DecoderStep,
  encoderDecoder,
  greedyDecode,
  gruCell,
  linear,
  lstmCell,
  sampleDecode,
  sampleLogits,
  softmaxCrossEntropy,
} from "@tapeloop/nn";
import { adam, chain, clipByGlobalNorm } from "@tapeloop/optim";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

setDefaultBackend(wasmBackend({ deterministic: true }));

/** A recurrent model of N symbols with random weights. */
const N = 4;
const cell = gruCell(N, 6);
const head = linear(6, N);
const [p, q] = [
  cell.init(key(0)),
  { W: normal([6, N], { key: key(1) }).mul(2), b: normal([N], { key: key(2) }) },
];
type State = { readonly h: Tensor };
const oneHots = tensor([0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => (i === j ? 1 : 0))));
const step: DecoderStep<State> = (state, symbols) => {
  const [next, y] = cell.step(p, state, gather(oneHots, symbols));
  return [next, head.apply(q, y)];
};
/** First states that differ from one another. */
const states = (batch: number): State => ({ h: normal([batch, 6], { key: key(7) }) });
const limits = { start: 0, end: 3, length: 4 } as const;

/** All sequences of at most `length` symbols, with their log-probabilities, for one row. */
function allSequences(row: number): { symbols: number[]; logProbability: number }[] {
  const found: { symbols: number[]; logProbability: number }[] = [];
  const visit = (state: State, last: number, symbols: number[], sum: number): void => {
    if (symbols.length === limits.length) {
      found.push({ symbols, logProbability: sum });
      return;
    }
    const [next, logits] = step(state, tensor([last], { dtype: "int32" }));
    logSoftmax(logits)
      .dataSync()
      .forEach((lp, symbol) => {
        if (symbol === limits.end) found.push({ symbols, logProbability: sum + lp });
        else visit(next, symbol, [...symbols, symbol], sum + lp);
      });
  };
  const { h } = states(3);
  visit({ h: h.slice([{ start: row, stop: row + 1 }]) }, limits.start, [], 0);
  return found.toSorted((a, b) => b.logProbability - a.logProbability);
}

describe("beamSearch", () => {
  test("with as many beams as there are sequences finds the likeliest ones of all", () => {
    const found = beamSearch(step, states(3), 3, { ...limits, beams: 81, results: 5 });
    found.forEach((results, row) => {
      const wanted = allSequences(row).slice(0, 5);
      expect(results.map(({ symbols }) => symbols)).toEqual(wanted.map(({ symbols }) => symbols));
      results.forEach(({ logProbability, score }, i) => {
        expect(logProbability).toBeCloseTo(wanted[i].logProbability, 4);
        expect(score).toBe(logProbability);
      });
    });
  });

  test("with a length penalty orders by it, as its formula says", () => {
    const alpha = 1.5;
    const byPenalty = (s: { symbols: number[]; logProbability: number }): number =>
      s.logProbability / ((5 + s.symbols.length) / 6) ** alpha;
    const [results] = beamSearch(step, states(3), 3, {
      ...limits,
      beams: 81,
      results: 4,
      lengthPenalty: alpha,
    });
    const wanted = allSequences(0)
      .toSorted((a, b) => byPenalty(b) - byPenalty(a))
      .slice(0, 4);
    expect(results.map(({ symbols }) => symbols)).toEqual(wanted.map(({ symbols }) => symbols));
    results.forEach(({ score }, i) => expect(score).toBeCloseTo(byPenalty(wanted[i]), 4));
  });

  test("with one beam is greedy, and sequences do not see one another", () => {
    const narrow = beamSearch(step, states(3), 3, { ...limits, beams: 1 });
    const greedy = greedyDecode(step, states(3), 3, limits);
    narrow.forEach(([best], i) => {
      // A beam of one may set an end aside and go on.
      expect(best.logProbability).toBeGreaterThanOrEqual(greedy[i].logProbability - 1e-5);
    });
    const wide = beamSearch(step, states(3), 3, { ...limits, beams: 3, results: 3 });
    const { h } = states(3);
    for (const row of [0, 1, 2]) {
      const alone = { h: h.slice([{ start: row, stop: row + 1 }]) };
      const [own] = beamSearch(step, alone, 1, { ...limits, beams: 3, results: 3 });
      expect(own.map(({ symbols }) => symbols)).toEqual(wide[row].map(({ symbols }) => symbols));
    }
  });
});

describe("greedyDecode", () => {
  test("says the likeliest symbol each time, and adds up what it costs", () => {
    const said = greedyDecode(step, states(3), 3, limits);
    const { h } = states(3);
    said.forEach(({ symbols, logProbability }, row) => {
      let state = { h: h.slice([{ start: row, stop: row + 1 }]) };
      let [last, sum]: [number, number] = [limits.start, 0];
      for (let t = 0; t < limits.length; t++) {
        const [next, logits] = step(state, tensor([last], { dtype: "int32" }));
        const logs = Array.from(logSoftmax(logits).dataSync());
        last = logs.indexOf(Math.max(...logs));
        sum += logs[last];
        state = next;
        if (last === limits.end) break;
        expect(symbols[t]).toBe(last);
      }
      expect(logProbability).toBeCloseTo(sum, 4);
    });
  });

  test("leaves nothing behind, compiled too", () => {
    const first = states(2);
    const quick = compile(step);
    for (const s of [step, quick]) {
      greedyDecode(s, first, 2, limits);
      const before = memory().buffers;
      const said = greedyDecode(s, first, 2, limits);
      expect(memory().buffers).toBe(before);
      expect(said).toEqual(greedyDecode(step, first, 2, limits));
    }
  });
});

describe("sampling", () => {
  test("never draws what is not among the k likeliest, or not in the set that reaches p", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: 2, maxLength: 8 }),
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.double({ min: 0.3, max: 3, noNaN: true }),
        (list, topK, topP, temperature) => {
          const logits = tensor(list, { dtype: "float64" });
          const kept = Array.from(sampleLogits(logits, { topK, topP, temperature }).dataSync());
          const order = list.map((_, i) => i).toSorted((a, b) => list[b] - list[a]);
          const allowed = new Set(order.slice(0, topK));
          // What is as likely as the last one belongs to the set.
          const least = list[order[Math.min(topK, list.length) - 1]];
          list.forEach((v, i) => v >= least && allowed.add(i));
          const z = [...allowed].map((i) => Math.exp(list[i] / temperature));
          const total = z.reduce((a, b) => a + b, 0);
          let reached = 0;
          let last = Infinity;
          for (const i of order.filter((j) => allowed.has(j))) {
            if (reached >= topP - 1e-12) break;
            reached += Math.exp(list[i] / temperature) / total;
            last = list[i];
          }
          kept.forEach((v, i) => {
            if (v === -Infinity) {
              expect(allowed.has(i) && list[i] > last + 1e-9).toBe(false);
            } else {
              expect(allowed.has(i)).toBe(true);
              expect(list[i]).toBeGreaterThanOrEqual(last - 1e-9);
              expect(v).toBeCloseTo(list[i] / temperature, 10);
            }
          });
          expect(kept.some((v) => v > -Infinity)).toBe(true);
        },
      ),
      { numRuns: 100, seed: 5 },
    );
  });

  test("near temperature 0 or of the likeliest alone is greedy", () => {
    const greedy = greedyDecode(step, states(3), 3, limits).map(({ symbols }) => symbols);
    for (const how of [{ temperature: 1e-3 }, { topK: 1 }, { topP: 1e-6 }]) {
      const said = sampleDecode(step, states(3), 3, { ...limits, ...how, key: key(3) });
      expect(said.map(({ symbols }) => symbols)).toEqual(greedy);
    }
  });

  test("draws as often as symbols are likely, and the same from the same key", () => {
    const wanted = [0.5, 0.3, 0.2, 0];
    const bias = log(tensor([wanted]));
    const plain: DecoderStep<{}> = (state, symbols) => [
      state,
      gather(bias, symbols.mul(0).cast("int32")),
    ];
    const options = { start: 0, length: 4, key: key(11) };
    const said = sampleDecode(plain, {}, 1000, options).flatMap(({ symbols }) => symbols);
    wanted.forEach((w, symbol) => {
      const part = said.filter((s) => s === symbol).length / said.length;
      expect(Math.abs(part - w)).toBeLessThan(0.03);
    });
    const again = sampleDecode(plain, {}, 1000, options).flatMap(({ symbols }) => symbols);
    expect(again).toEqual(said);
    expect(softmax(bias).sum().item()).toBeCloseTo(1, 5);
  });
});

describe("encoderDecoder", () => {
  test("learns to say a sequence backwards, looking at what it says", { timeout: 60_000 }, () => {
    const [S, T, B] = [6, 5, 32];
    // Target symbols: 0 to 5, then start and end.
    const [start, end] = [S, S + 1];
    const model = encoderDecoder({ sources: S, targets: S + 2, hiddenSize: 24, embeddingSize: 8 });
    const first = model.init(key(0));
    const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 0.02 }));
    const loss = valueAndGrad(
      (params: typeof first, sources: Tensor, given: Tensor, wanted: Tensor) =>
        softmaxCrossEntropy(model.apply(params, sources, given).logits, wanted),
    );
    const train = compile(
      (now: { params: typeof first; state: object }, ...batch: [Tensor, Tensor, Tensor]) => {
        const { value, grads } = loss(now.params, ...batch);
        return { ...optimizer.update(grads, now.state, now.params), value };
      },
    );
    const batchOf = (k: Tensor): [Tensor, Tensor, Tensor] => {
      const sources = randomInts([T, B], 0, S, { key: k });
      const rows = (sources.toArray() as number[][]).toReversed();
      const line = (symbol: number): number[] => Array.from({ length: B }, () => symbol);
      const int32 = (data: number[][]): Tensor => tensor(data, { dtype: "int32" });
      return [sources, int32([line(start), ...rows]), int32([...rows, line(end)])];
    };
    let now = { params: first, state: optimizer.init(first), value: tensor(0), key: key(5) };
    for (let i = 0; i < 250; i++) {
      now = stepOnce(now, (last) => {
        const [own, next] = splitKey(last.key);
        return { ...train(last, ...batchOf(own)), key: next };
      });
    }
    expect(now.value.item()).toBeLessThan(0.1);
    const [sources] = batchOf(key(99));
    const state = model.encode(now.params, sources);
    const options = { start, end, length: 8 };
    const said = greedyDecode(model.step(now.params), state, B, options);
    const columns = sources.permute([1, 0]).toArray() as number[][];
    const right = said.filter(
      ({ symbols }, b) => symbols.join() === columns[b].toReversed().join(),
    );
    expect(right.length).toBeGreaterThan(0.9 * B);
    // For the first symbol it looks at the end of the source.
    const { attention } = model.apply(
      now.params,
      sources,
      tensor([columns.map(() => start)], { dtype: "int32" }),
    );
    const seen = attention.mean({ axes: 1 }).toArray() as number[][];
    expect(seen[0].indexOf(Math.max(...seen[0]))).toBeGreaterThanOrEqual(T - 2);
    const [best] = beamSearch(model.step(now.params), state, B, { ...options, beams: 3 });
    expect(best[0].symbols).toEqual(said[0].symbols);
  });

  test("does not see what stands behind the ends of sources, in steps or at once", () => {
    const model = encoderDecoder({
      sources: 5,
      targets: 4,
      hiddenSize: 6,
      embeddingSize: 3,
      cell: (F, H) => lstmCell(F, H),
    });
    const parameters = model.init(key(0));
    const [a, b] = [
      randomInts([6, 2], 0, 5, { key: key(1) }),
      randomInts([6, 2], 0, 5, { key: key(2) }),
    ];
    const lengths = [6, 3];
    const other = tensor(
      (a.toArray() as number[][]).map((row, t) =>
        row.map((s, i) => (t < lengths[i] ? s : (b.toArray() as number[][])[t][i])),
      ),
      { dtype: "int32" },
    );
    const targets = randomInts([4, 2], 0, 4, { key: key(3) });
    const [x, y] = [a, other].map((s) => model.apply(parameters, s, targets, { lengths }).logits);
    expect(sub(x, y).abs().max().item()).toBe(0);
    // One step at a time says the same as teacher forcing.
    let state = model.encode(parameters, a, { lengths });
    const step1 = model.step(parameters);
    for (let t = 0; t < 4; t++) {
      const symbols = targets.slice([{ start: t, stop: t + 1 }]).reshape([2]);
      const [next, logits] = step1(state, symbols);
      const wanted = x.slice([{ start: t, stop: t + 1 }]).reshape([2, 4]);
      expect(sub(logits, wanted).abs().max().item()).toBeLessThan(1e-5);
      state = next;
    }
    expect(leaves(state).every(({ shape }) => shape[0] === 2)).toBe(true);
  });
});

test("numbers out of their ranges are refused by name", () => {
  const messages = [
    () => greedyDecode(step, states(1), 1, { start: -1, length: 3 }),
    () => greedyDecode(step, states(1), 1, { start: 0, length: 0 }),
    () => greedyDecode(step, states(1), 1, { start: 0, length: 2, stop: 1 } as never),
    () => beamSearch(step, states(1), 1, { ...limits, beams: 0 }),
    () => beamSearch(step, states(1), 1, { ...limits, beams: 2, results: 3 }),
    () => beamSearch(step, states(1), 1, { ...limits, lengthPenalty: Number.NaN }),
    () => sampleLogits(tensor([1, 2]), { temperature: 0 }),
    () => sampleLogits(tensor([1, 2]), { topK: 0 }),
    () => sampleLogits(tensor([1, 2]), { topP: 0 }),
    () => sampleDecode(step, states(1), 1, { ...limits, key: key(0), topk: 2 } as never),
    () => encoderDecoder({ sources: 0, targets: 2 }),
    () => encoderDecoder({ sources: 2, targets: 2, hidden: 3 } as never),
  ].map((f) => {
    try {
      return JSON.stringify(f());
    } catch (error) {
      return (error as Error).message;
    }
  });
  expect(messages).toMatchInlineSnapshot(`
    [
      "greedyDecode: start is a whole number from 0, got -1.",
      "greedyDecode: length is a whole number from 1, got 0.",
      "greedyDecode: options are start, end, length, got "stop". Remove or correct it.",
      "beamSearch: beams is a whole number from 1, got 0.",
      "beamSearch: results are at most the 2 beams, got 3.",
      "beamSearch: lengthPenalty is a finite number, got NaN.",
      "sampleLogits: the temperature is a finite number above 0, got 0. Use greedyDecode() for 0.",
      "sampleLogits: topK is a whole number from 1, got 0.",
      "sampleLogits: topP is above 0 and at most 1, got 0.",
      "sampleDecode: options are start, end, length, temperature, topK, topP, key, got "topk". Remove or correct it.",
      "encoderDecoder: sources is a whole number from 1, got 0.",
      "encoderDecoder: options are sources, targets, embeddingSize, hiddenSize, cell, dtype, got "hidden". Remove or correct it.",
    ]
  `);
});
