/** @file A run of training: the state it carries, one step of it, validation, samples, saving. */
import {
  compile,
  key,
  scope,
  splitKey,
  step,
  tensor,
  type Tensor,
  type Tree,
  valueAndGrad,
} from "@tapeloop/autograd";
import { softmaxCrossEntropy } from "@tapeloop/nn";
import { adam, chain, clipByGlobalNorm, type Optimizer } from "@tapeloop/optim";
import { Batches } from "./batches.ts";
import type { CharacterModel, ModelParameters, ModelState } from "./character-model.ts";
import type { Checkpoint } from "./checkpoint.ts";

/** What a run carries from step to step: all that a checkpoint must hold, but for the counters. */
export interface RunState {
  /** The model's parameters. */
  readonly parameters: ModelParameters;
  /** The optimizer's state. */
  readonly optimizer: Tree;
  /** The model's state at the end of the last piece of text. */
  readonly carried: ModelState;
  /** Where the next random numbers come from. */
  readonly key: Tensor;
}

/** How a run goes. */
export interface RunOptions {
  /** Step size of Adam. */
  readonly learningRate: number;
  /** Greatest norm of the gradient. */
  readonly clip: number;
  /** Streams of text side by side. */
  readonly batch: number;
  /** Characters per stream and step. */
  readonly length: number;
  /** Where random numbers start. */
  readonly seed: number;
}

/** A character-level model in training, by truncated backpropagation through time. */
export class Run {
  readonly #model: CharacterModel;
  readonly #options: RunOptions;
  readonly #batches: Batches;
  readonly #optimizer: Optimizer;
  #state: RunState;
  #steps: number;

  /**
   * @param model - What learns.
   * @param text - What it learns.
   * @param from - The checkpoint to go on from.
   */
  constructor(model: CharacterModel, text: Int32Array, options: RunOptions, from?: Checkpoint) {
    this.#model = model;
    this.#options = options;
    this.#batches = new Batches(text, {
      streams: options.batch,
      steps: options.length,
      what: "the training text",
    });
    this.#optimizer = chain(
      clipByGlobalNorm(options.clip),
      adam({ learningRate: options.learningRate }),
    );
    this.#steps = from?.record.step ?? 0;
    this.#state = scope(() => {
      const [forModel, rest] = splitKey(key(options.seed));
      const parameters = model.init(forModel);
      const fresh: RunState = {
        parameters,
        optimizer: this.#optimizer.init(parameters),
        carried: model.initialState(options.batch),
        key: rest,
      };
      return from === undefined ? fresh : from.restore("run", fresh);
    });
  }

  /** Steps done. */
  get steps(): number {
    return this.#steps;
  }

  /** Characters that one step learns from. */
  get charactersPerStep(): number {
    return this.#options.batch * this.#options.length;
  }

  /** What the run carries; valid until the next step. */
  get state(): RunState {
    return this.#state;
  }

  /** Learns from the next piece of text; the result is the loss, in nats per character. */
  step(): number {
    const { batch: streams, length } = this.#options;
    const batch = this.#batches.at(this.#steps);
    const { state, loss } = step(this.#state, (before) => {
      const carried = batch.startsEpoch ? this.#model.initialState(streams) : before.carried;
      const shape = [length, streams];
      return this.#learn(
        { ...before, carried },
        tensor(batch.inputs, { shape }),
        tensor(batch.targets, { shape }),
      );
    });
    this.#state = state;
    this.#steps++;
    const value = loss.item();
    loss.dispose();
    return value;
  }

  /** The state after one more piece of text, and the loss: one program, made at the first step. */
  readonly #learn: (
    state: RunState,
    inputs: Tensor,
    targets: Tensor,
  ) => { state: RunState; loss: Tensor } = compile(
    (state, inputs, targets) => {
      const [forDropout, rest] = splitKey(state.key);
      const { value, grads, aux } = valueAndGrad((parameters: ModelParameters) => {
        const [last, logits] = this.#model.read(parameters, state.carried, inputs, forDropout);
        return [softmaxCrossEntropy(logits, targets), last] as const;
      })(state.parameters);
      const updated = this.#optimizer.update(grads, state.optimizer, state.parameters);
      return {
        loss: value,
        state: {
          parameters: updated.params,
          optimizer: updated.state,
          carried: aux,
          key: rest,
        },
      };
    },
    { donate: [0] },
  );

  /** The state behind a piece of text that is not learned, and the loss. */
  readonly #look: (
    parameters: ModelParameters,
    before: ModelState,
    inputs: Tensor,
    targets: Tensor,
  ) => { after: ModelState; loss: Tensor } = compile((parameters, before, inputs, targets) => {
    const [after, logits] = this.#model.read(parameters, before, inputs, null);
    return { after, loss: softmaxCrossEntropy(logits, targets) };
  });

  /** The mean loss over a text that is not learned, in nats per character. */
  evaluate(text: Int32Array): number {
    const steps = 32;
    const streams = Math.max(1, Math.min(64, Math.floor((text.length - 1) / steps)));
    const batches = new Batches(text, { streams, steps: Math.min(steps, text.length - 1) });
    let [carried, total] = [scope(() => this.#model.initialState(streams)), 0];
    for (let position = 0; position < batches.length; position++) {
      const batch = batches.at(position);
      carried = step(carried, (before) => {
        const shape = [batches.steps, streams];
        const { after, loss } = this.#look(
          this.#state.parameters,
          before,
          tensor(batch.inputs, { shape }),
          tensor(batch.targets, { shape }),
        );
        total += loss.item();
        return after;
      });
    }
    step(carried, () => null);
    return total / batches.length;
  }
}
