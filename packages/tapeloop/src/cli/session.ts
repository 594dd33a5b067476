/** @file A session at the terminal: runs the steps, shows how it goes, saves, and stops on Ctrl-C. */
import { defaultBackend, leaves } from "@tapeloop/autograd";
import type { CharacterModel } from "./character-model.ts";
import { type Checkpoint, type RunRecord, saveCheckpoint } from "./checkpoint.ts";
import { bigramEntropy, bitsPerCharacter, characterEntropy } from "./entropy.ts";
import { plotLosses } from "./plot.ts";
import { Progress } from "./progress.ts";
import type { Run } from "./run.ts";
import { writeOn } from "./sample.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A text, ready to be learned. */
export interface Lesson {
  /** Its characters. */
  readonly vocabulary: Vocabulary;
  /** What is learned. */
  readonly training: Int32Array;
  /** What is not. */
  readonly validation: Int32Array;
  /** SHA-256 of the text. */
  readonly digest: string;
  /** Where it is from, for people to read. */
  readonly source: string;
}

/** What a session needs beside the run. */
export interface SessionOptions {
  /** Stop after this many steps in all. */
  readonly steps: number;
  /** Steps between two reports. */
  readonly reportEvery: number;
  /** Steps between two checkpoints. */
  readonly saveEvery: number;
  /** Where to save. */
  readonly checkpoint: string;
  /** What samples start with. */
  readonly prompt: Int32Array;
  /** What decides the course of the run, to be stored with it. */
  readonly fixed: RunRecord["options"];
  /** The checkpoint that the run goes on from. */
  readonly from: Checkpoint | undefined;
}

/** Bits per character, as they are shown. */
function bits(nats: number): string {
  return bitsPerCharacter(nats).toFixed(3);
}

/** Losses by step, in bits per character. */
function curve(points: readonly (readonly [number, number])[]): [number, number][] {
  return points.map(([step, loss]) => [step, bitsPerCharacter(loss)]);
}

/** One training session. */
export class Session {
  readonly #run: Run;
  readonly #model: CharacterModel;
  readonly #lesson: Lesson;
  readonly #options: SessionOptions;
  readonly #training: number[];
  readonly #validation: (readonly [number, number])[];
  readonly #bigram: number;
  #progress: Progress | null = null;
  #isStopped = false;

  /** Takes up a run where it stands. */
  constructor(run: Run, model: CharacterModel, lesson: Lesson, options: SessionOptions) {
    this.#run = run;
    this.#model = model;
    this.#lesson = lesson;
    this.#options = options;
    this.#training = [...(options.from?.record.training ?? [])];
    this.#validation = [...(options.from?.record.validation ?? [])];
    this.#bigram = bigramEntropy(lesson.validation);
  }

  /** Trains to the end or until Ctrl-C; the result is the exit code. */
  async go(): Promise<number> {
    this.#introduce();
    const stop = (): void => {
      if (this.#isStopped) process.exit(130);
      this.#isStopped = true;
    };
    process.on("SIGINT", stop);
    try {
      await this.#train();
    } finally {
      process.off("SIGINT", stop);
      this.#progress?.end();
    }
    if (this.#isStopped) {
      console.log(
        `Stopped after step ${this.#run.steps}. Go on with: tapeloop train --resume ${this.#options.checkpoint}${this.#hintOfText()}`,
      );
      return 130;
    }
    this.#conclude();
    return 0;
  }

  /** Says what is about to happen. */
  #introduce(): void {
    const { training, validation, vocabulary, source } = this.#lesson;
    const { fixed, from } = this.#options;
    const count = leaves(this.#run.state.parameters).reduce((n, { size }) => n + size, 0);
    const order0 = characterEntropy(validation).toFixed(3);
    const rows = [
      ["text", source],
      ["", `${training.length} characters to learn, ${validation.length} to validate`],
      ["", `${vocabulary.size} different characters`],
      ["model", `${fixed["layers"]} × ${fixed["cell"]} of ${fixed["hidden"]}, ${count} parameters`],
      ["backend", `${defaultBackend().name}, float32`],
      ["to beat", `${order0} bits per character of the validation text by frequencies (order 0),`],
      ["", `${this.#bigram.toFixed(3)} by the character before (order 1, bigrams)`],
      ...(from === undefined ? [] : [["resumed", `after step ${from.record.step}`]]),
    ];
    for (const [name, text] of rows) console.log(`${name.padEnd(9)}${text}`);
  }

  /** The loop. */
  async #train(): Promise<void> {
    const { steps, reportEvery, saveEvery } = this.#options;
    const run = this.#run;
    // At once, so that a place that cannot be written to is known before there is something to lose.
    await this.#save();
    this.#progress = new Progress({ stream: process.stderr, total: steps, start: run.steps });
    while (run.steps < steps && !this.#isStopped) {
      const loss = run.step();
      this.#training.push(loss);
      this.#progress.update(run.steps, { loss, characters: run.charactersPerStep });
      const isLast = run.steps >= steps || this.#isStopped;
      if (run.steps % reportEvery === 0 || isLast) this.#report();
      // Lets a Ctrl-C through.
      await new Promise((resume) => setImmediate(resume));
      if (run.steps % saveEvery === 0 || isLast || this.#isStopped) await this.#save();
    }
  }

  /** Looks at the validation text, and shows what the model writes. */
  #report(): void {
    const { reportEvery, prompt } = this.#options;
    const run = this.#run;
    const validation = run.evaluate(this.#lesson.validation);
    this.#validation.push([run.steps, validation]);
    const recent = this.#training.slice(-reportEvery);
    const training = recent.reduce((a, b) => a + b, 0) / recent.length;
    this.#progress?.log(
      `step ${run.steps}: training loss ${training.toFixed(4)} (${bits(training)} bpc), ` +
        `validation loss ${validation.toFixed(4)} (${bits(validation)} bpc)`,
    );
    const written = writeOn(this.#model, run.state.parameters, prompt, {
      length: 160,
      temperature: 0.7,
      seed: run.steps,
    });
    const text = this.#lesson.vocabulary.decode([...prompt, ...written]);
    this.#progress?.log(text.replaceAll(/^/gm, "  | "));
  }

  /** Saves the run. */
  async #save(): Promise<void> {
    const { checkpoint, fixed } = this.#options;
    await saveCheckpoint(
      checkpoint,
      { run: this.#run.state },
      {
        options: fixed,
        vocabulary: this.#lesson.vocabulary.characters,
        text: this.#lesson.digest,
        step: this.#run.steps,
        training: this.#training,
        validation: this.#validation,
      },
    );
  }

  /** Shows the curves and the result. */
  #conclude(): void {
    const columns = process.stdout.columns ?? 80;
    const plot = plotLosses(
      {
        training: curve(this.#training.map((loss, i) => [i + 1, loss] as const)),
        validation: curve(this.#validation),
      },
      { columns, isRich: process.stdout.isTTY && process.env["NO_COLOR"] === undefined },
    );
    console.log(`\n${plot}\n`);
    const last = this.#validation.at(-1);
    if (last !== undefined) {
      console.log(
        `validation: ${bits(last[1])} bits per character; bigrams: ${this.#bigram.toFixed(3)}`,
      );
    }
    const { checkpoint } = this.#options;
    const option = checkpoint === "tapeloop.safetensors" ? "" : ` --checkpoint ${checkpoint}`;
    console.log(`saved in ${checkpoint}; try: tapeloop sample${option} --prompt "interface "`);
  }

  /** The text's option, where it was not the default text. */
  #hintOfText(): string {
    return this.#lesson.source.startsWith('"') ? ` --text ${this.#lesson.source}` : "";
  }
}
