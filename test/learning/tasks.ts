/** @file Tasks to learn: what goes in, what a right answer costs, and which scores are known to be good. */
import {
  all,
  arange,
  argmax,
  broadcastTo,
  cast,
  equal,
  expandDims,
  greater,
  key as keyOf,
  less,
  logicalNot,
  logicalOr,
  mean,
  randomInts,
  scope,
  select,
  sum,
  type Tensor,
  tensor,
} from "@tapeloop/autograd";
import {
  addingProblem,
  characterText,
  copyMemory,
  dyck,
  embeddedReber,
  mackeyGlass,
  meanSquaredError,
  padSequences,
  type RegionName,
  type RegionNames,
  parity,
  regionNames,
  sequentialDigits,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  sumsInWords,
} from "@tapeloop/nn";

/** Inputs, what is wanted, and the lengths of sequences that have different ones. */
export interface Batch {
  /** [T, B, F], or symbols int32 [T, B]. */
  readonly xs: Tensor;
  readonly targets: Tensor;
  /** int32 [B] */
  readonly lengths?: Tensor;
}

/** Something to learn. */
export interface Task {
  /** F; of symbols, how many there are. */
  readonly inputs: number;
  /** Size of a model's answers. */
  readonly outputs: number;
  /** Whether an answer is wanted after every step, or after the last one. */
  readonly answers: "every" | "last";
  /** So many examples to learn from. */
  readonly batch: (key: Tensor, size: number) => Batch;
  /** So many to be asked for, of those that are held out where the supply is limited. */
  readonly held: (key: Tensor, size: number) => Batch;
  /** What answers cost: [T, B, outputs], or [B, outputs]. */
  readonly loss: (answers: Tensor, batch: Batch) => Tensor;
  /** What is measured of answers to examples that are held out. */
  readonly measure: string;
  readonly score: (answers: Tensor, batch: Batch) => Tensor;
  /** The score of a model without memory. */
  readonly chance: number;
  /**
   * The score that is known to be good, of the source that is named beside it: above chance more is better, below
   * less.
   */
  readonly good: number;
}

/** The part of right classes. */
function accuracy(answers: Tensor, { targets }: Batch): Tensor {
  return mean(cast(equal(argmax(answers), targets), "float32"));
}

/** Real steps: bool [T, B, 1]. */
function realSteps({ xs, lengths }: Batch): Tensor {
  const t = expandDims(arange(0, xs.shape[0], 1, { dtype: "int32" }), 1);
  return expandDims(less(t, lengths ?? xs.shape[0]), -1);
}

/** Mean over real steps of the cross-entropy of each symbol that may come next. */
function continuationLoss(answers: Tensor, batch: Batch): Tensor {
  const losses = sigmoidCrossEntropy(answers, batch.targets, { reduction: "none" });
  const real = broadcastTo(cast(realSteps(batch), "float32"), losses.shape);
  return sum(losses.mul(real)).div(sum(real));
}

/** The part of words of which all symbols that may come next are known after every step. */
function wholeWords(answers: Tensor, batch: Batch): Tensor {
  const right = equal(greater(answers, 0), greater(batch.targets, 0.5));
  return mean(
    cast(all(logicalOr(right, logicalNot(realSteps(batch))), { axes: [0, 2] }), "float32"),
  );
}

/** Tasks whose examples are all drawn alike. */
function drawn(task: Omit<Task, "held">): Task {
  return { ...task, held: task.batch };
}

/** The adding problem over T steps. */
export function adding(steps: number): Task {
  return drawn({
    inputs: 2,
    outputs: 1,
    answers: "last",
    batch: (key, batch) => addingProblem(key, { steps, batch }),
    loss: (answers, { targets }) => meanSquaredError(answers, targets),
    measure: "mean squared error",
    score: (answers, { targets }) => meanSquaredError(answers, targets),
    chance: 1 / 6,
    // Hochreiter and Schmidhuber 1997, experiment 4: a sum is right if it is wrong by less than 0.04.
    good: 0.04 ** 2,
  });
}

/** Copy memory: so many symbols of so many kinds, after a lag. */
export function copying(lag: number, length: number, kinds: number): Task {
  return drawn({
    inputs: kinds + 2,
    outputs: kinds + 1,
    answers: "every",
    batch: (key, batch) => copyMemory(key, { lag, batch, length, kinds }),
    loss: (answers, { targets }) => softmaxCrossEntropy(answers, targets),
    measure: "right symbols",
    score: (answers, { xs, targets }) =>
      accuracy(answers.slice([{ start: -length }]), {
        xs,
        targets: targets.slice([{ start: -length }]),
      }),
    chance: 1 / kinds,
    // All right but one in a hundred: gated cells are known to solve it (Tallec and Ollivier 2018, section 3, with
    // their first biases), where a memory of nothing is right in one of `kinds`.
    good: 0.99,
  });
}

/** Parity of all bits so far. */
export function parities(steps: number): Task {
  return drawn({
    inputs: 1,
    outputs: 2,
    answers: "every",
    batch: (key, batch) => parity(key, { steps, batch }),
    loss: (answers, { targets }) => softmaxCrossEntropy(answers, targets),
    measure: "right at the end",
    score: (answers, { xs, targets }) =>
      accuracy(select(answers, -1), { xs, targets: select(targets, -1) }),
    chance: 0.5,
    // An automaton of two states is always right.
    good: 0.99,
  });
}

/** Dyck-2: what may come next. */
export function brackets(steps: number, depth: number): Task {
  return drawn({
    inputs: 4,
    outputs: 4,
    answers: "every",
    batch: (key, batch) => dyck(key, { kinds: 2, steps, batch, depth }),
    loss: continuationLoss,
    measure: "whole words",
    score: wholeWords,
    chance: 0,
    // With a bounded depth the language is regular, and an LSTM can know it all: Hewitt et al. 2020, arXiv:2010.07515.
    // Words count as in Suzgun et al. 2019, arXiv:1911.03329: every step of them must be right.
    good: 0.98,
  });
}

/** The embedded Reber grammar: what may come next. */
export function reber(steps = 40): Task {
  return drawn({
    inputs: 7,
    outputs: 7,
    answers: "every",
    batch: (key, batch) => embeddedReber(key, { batch, steps }),
    loss: continuationLoss,
    measure: "whole words",
    score: wholeWords,
    chance: 0.5,
    // Hochreiter and Schmidhuber 1997, experiment 1: the LSTM learns to be always right.
    good: 0.99,
  });
}

/** The Mackey-Glass series: the value so many steps ahead, from those up to now. */
export function chaos(steps: number, ahead: number): Task {
  return drawn({
    inputs: 1,
    outputs: 1,
    answers: "every",
    batch: (key, batch) => {
      const series = expandDims(
        mackeyGlass(key, { steps: steps + ahead, batch, settle: 60 }),
        -1,
      ).sub(0.9);
      return {
        xs: series.slice([{ stop: steps }]),
        targets: series.slice([{ start: ahead }]),
      };
    },
    loss: (answers, { targets }) => meanSquaredError(answers, targets),
    measure: "root mean squared error by standard deviation, second half",
    score: (answers, { targets }) => {
      const late = { start: Math.floor(steps / 2) };
      const [y, wanted] = [answers.slice([late]), targets.slice([late])];
      const deviation = wanted.sub(wanted.mean()).square().mean();
      return meanSquaredError(y, wanted).div(deviation).sqrt();
    },
    chance: 1,
    // Six ahead: the feed-forward network in the comparison of Jang 1993, "ANFIS", which sees a window of the past;
    // linear prediction comes to 0.55 there, a polynomial of the sixth order to 0.04.
    good: 0.02,
  });
}

/** Digits read by rows or by pixels. */
export function digits(by: "rows" | "pixels"): Task {
  return drawn({
    inputs: by === "rows" ? 10 : 1,
    outputs: 10,
    answers: "last",
    batch: (key, batch) => {
      const { xs, labels } = sequentialDigits(key, { batch, by });
      return { xs, targets: labels };
    },
    loss: (answers, { targets }) => softmaxCrossEntropy(answers, targets),
    measure: "right digits",
    score: accuracy,
    chance: 0.1,
    // What an LSTM comes to on the digits of MNIST, by pixels: Arjovsky, Shah and Bengio 2016, section 5.3 (98.2 %).
    good: 0.98,
  });
}

/**
 * The part of held-out names whose language a naive Bayes classifier finds, by the characters and the pairs of
 * characters in them and at their ends.
 */
function naiveBayes({ train, test, languages: codes }: RegionNames): number {
  const runs = ({ symbols }: RegionName): string[] => {
    const ended = [-1, ...symbols, -2];
    return ended.flatMap((symbol, i) => [`${symbol}`, `${symbol} ${ended[i + 1]}`]);
  };
  const known = new Set(train.flatMap(runs));
  const models = codes.map((_, label) => {
    const own = train.filter((name) => name.label === label);
    const counts = new Map<string, number>();
    for (const run of own.flatMap(runs)) counts.set(run, (counts.get(run) ?? 0) + 1);
    const total = own.flatMap(runs).length;
    const log = (run: string): number =>
      Math.log(((counts.get(run) ?? 0) + 0.1) / (total + 0.1 * known.size));
    return (name: RegionName): number =>
      runs(name).reduce((so, run) => so + log(run), Math.log(own.length));
  });
  const right = test.filter((name) => {
    const scores = models.map((score) => score(name));
    return scores.indexOf(Math.max(...scores)) === name.label;
  });
  return right.length / test.length;
}

/** Region names: which of the languages. */
export function languages(codes?: readonly string[]): Task {
  const names = regionNames(keyOf(0), codes === undefined ? {} : { languages: codes });
  const steps = 24;
  const of = (chosen: readonly RegionName[]): Batch => {
    const padded = padSequences(
      chosen.map(({ symbols }) => symbols.slice(0, steps)),
      { length: steps },
    );
    return { ...padded, targets: tensor(Int32Array.from(chosen, ({ label }) => label)) };
  };
  return {
    inputs: names.alphabet.length,
    outputs: names.languages.length,
    answers: "last",
    batch: (key, size) =>
      scope(() => {
        const places = randomInts([size], 0, names.train.length, { key }).dataSync();
        return of(Array.from(places, (i) => names.train[i]));
      }),
    held: (_, size) => of(names.test.slice(0, size)),
    loss: (answers, { targets }) => softmaxCrossEntropy(answers, targets),
    measure: "right languages, held out",
    score: accuracy,
    chance: 1 / names.languages.length,
    // What counting pairs of characters comes to, on the same names.
    good: naiveBayes(names),
  };
}

/** Sums in words: the next character. */
export function characters(steps: number, sentences: number): Task {
  const { text, bitsPerCharacter } = sumsInWords(keyOf(1), sentences);
  const alphabet = characterText(text, { steps: 1, batch: 1 }).alphabet.length;
  const part =
    (from: number, to: number) =>
    (key: Tensor, batch: number): Batch => {
      const own = text.slice(Math.floor(from * text.length), Math.floor(to * text.length));
      const parts = characterText(own, { steps, batch });
      return parts.batch(scope(() => randomInts([], 0, parts.count, { key }).item()));
    };
  return {
    inputs: alphabet,
    outputs: alphabet,
    answers: "every",
    batch: part(0, 0.7),
    held: part(0.7, 1),
    loss: (answers, { targets }) => softmaxCrossEntropy(answers, targets),
    measure: `bits per character, of which ${bitsPerCharacter.toFixed(3)} are chance`,
    score: (answers, { targets }) => softmaxCrossEntropy(answers, targets).div(Math.LN2),
    chance: 4,
    // The entropy of the source, and half as much again: each stretch begins without what was before it.
    good: bitsPerCharacter * 1.5,
  };
}
