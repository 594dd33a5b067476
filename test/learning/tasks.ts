/** @file Tasks to learn: what goes in, what a right answer costs, and what counts as solved. */
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
  /** From here on the task counts as solved: above chance more is better, below less. */
  readonly solved: number;
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
    solved: 0.01,
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
    solved: 0.99,
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
    solved: 0.99,
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
    solved: 0.95,
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
    solved: 0.99,
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
    solved: 0.1,
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
    solved: 0.95,
  });
}

/** Region names: which of the languages. */
export function languages(codes?: readonly string[]): Task {
  const names = regionNames(keyOf(0), codes === undefined ? {} : { languages: codes });
  const steps = 24;
  const of =
    (part: typeof names.train) =>
    (key: Tensor, size: number): Batch =>
      scope(() => {
        const places = randomInts([size], 0, part.length, { key }).dataSync();
        const chosen = Array.from(places, (i) => part[i]);
        const padded = padSequences(
          chosen.map(({ symbols }) => symbols.slice(0, steps)),
          { length: steps },
        );
        return { ...padded, targets: tensor(Int32Array.from(chosen, ({ label }) => label)) };
      });
  return {
    inputs: names.alphabet.length,
    outputs: names.languages.length,
    answers: "last",
    batch: of(names.train),
    held: of(names.test),
    loss: (answers, { targets }) => softmaxCrossEntropy(answers, targets),
    measure: "right languages, held out",
    score: accuracy,
    chance: 1 / names.languages.length,
    solved: 0.5,
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
    solved: bitsPerCharacter * 1.5,
  };
}
