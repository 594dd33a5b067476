/** @file Layers one after the other, as functions of parameters: what a sequential model is made of. */
import {
  ArgumentError,
  leaves,
  scope,
  type Shape,
  splitKey,
  type Tensor,
  type Tree,
} from "@tapeloop/autograd";
import type { BuiltLayer, Flow, Layer } from "./layer.ts";

/** Trees by the names of layers. */
export type ByLayer = Readonly<Record<string, Tree>>;

/** Parameters, and what layers keep beside them. */
export interface Weights {
  /** What is trained. */
  readonly parameters: ByLayer;
  /** What is not, such as running means. */
  readonly running: ByLayer;
}

/** How many numbers there are in a tree. */
export function countOf(tree: Tree | undefined): number {
  return tree === undefined ? 0 : leaves(tree).reduce((n, { size }) => n + size, 0);
}

/** A number with its thousands apart. */
function grouped(n: number): string {
  return n.toLocaleString("en");
}

/** A layer in its place. */
interface Placed {
  readonly name: string;
  readonly type: string;
  readonly built: BuiltLayer;
}

/** What is known of a layer of a model. */
export interface LayerInfo {
  /** Its name in the model: its type, and a number from the second of a type on; or the one it was given. */
  readonly name: string;
  /** Its kind, such as "lstm". */
  readonly type: string;
  /** The shape of one output, without the batch. */
  readonly outputShape: Shape;
  /** How many numbers it has, those that are not trained among them. */
  readonly parameterCount: number;
  /** Whether it is trained, if it has anything to train. */
  readonly isTrained: boolean;
}

/** Layers that know the shapes of their inputs. */
export class Network {
  /** The shape of one input, without the batch. */
  readonly inputShape: Shape;
  /** The shape of one output, without the batch. */
  readonly outputShape: Shape;
  readonly #layers: readonly Placed[];

  /** Builds layers for inputs of a shape. */
  constructor(layers: readonly Layer[], inputShape: Shape) {
    const counts = new Map<string, number>();
    let shape = inputShape;
    this.inputShape = inputShape;
    this.#layers = layers.map((layer) => {
      const count = counts.get(layer.type) ?? 0;
      counts.set(layer.type, count + 1);
      const built = layer.build(shape);
      shape = built.outputShape;
      const name = layer.name ?? (count === 0 ? layer.type : `${layer.type}${count + 1}`);
      return { name, type: layer.type, built };
    });
    this.outputShape = shape;
    const { names } = this;
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) {
      throw new ArgumentError("sequential", "names of layers differ", `"${twice}" twice`);
    }
  }

  /** The names of the layers, in their order. */
  get names(): string[] {
    return this.#layers.map(({ name }) => name);
  }

  /** What is known of the layers, in their order. */
  infos({ parameters, running }: Weights, frozen: ReadonlySet<string>): LayerInfo[] {
    return this.#layers.map(({ name, type, built }) => ({
      name,
      type,
      outputShape: built.outputShape,
      parameterCount: countOf(parameters[name]) + countOf(running[name]),
      isTrained: !frozen.has(name),
    }));
  }

  /** First parameters from a key. */
  init(key: Tensor): Weights {
    return scope(() => {
      const keys = splitKey(key, this.#layers.length);
      const parameters = this.#layers.map(({ name, built }, i) => [name, built.init(keys[i])]);
      const running = this.#layers.flatMap(({ name, built }) =>
        built.running === undefined ? [] : [[name, built.running()]],
      );
      return {
        parameters: Object.fromEntries(parameters) as ByLayer,
        running: Object.fromEntries(running) as ByLayer,
      };
    });
  }

  /**
   * The outputs of all layers, one after the other.
   *
   * @param key - In training; null in evaluation.
   * @param real - In training, which examples are real.
   * @param frozen - In training, the layers that are not trained.
   */
  apply(
    weights: Weights,
    x: Tensor,
    key: Tensor | null,
    real: Tensor | null = null,
    frozen: ReadonlySet<string> = new Set(),
  ): Flow & { readonly running: ByLayer } {
    const keys = key === null ? null : splitKey(key, this.#layers.length);
    const running: Record<string, Tree> = { ...weights.running };
    let flow: Flow = { x };
    this.#layers.forEach(({ name, built }, i) => {
      const context = {
        key: keys?.[i] ?? null,
        real,
        running: weights.running[name] ?? {},
        isFrozen: frozen.has(name),
      };
      const { running: kept, ...next } = built.apply(weights.parameters[name], flow, context);
      if (kept !== undefined) running[name] = kept;
      flow = next;
    });
    return { ...flow, running };
  }

  /** A table of layers, their outputs and their parameters. */
  summary(weights: Weights, frozen: ReadonlySet<string>): string {
    const rows = this.infos(weights, frozen).map(({ name, type, outputShape, parameterCount }) => [
      name === type ? name : `${name} (${type})`,
      `[B, ${outputShape.join(", ")}]`,
      grouped(parameterCount),
    ]);
    const head = ["Layer", "Output shape", "Parameters"];
    const widths = head.map((text, i) =>
      Math.max(text.length, ...rows.map((row) => row[i].length)),
    );
    const line = (cells: readonly string[]): string =>
      cells
        .map((text, i) => (i === 2 ? text.padStart(widths[i]) : text.padEnd(widths[i])))
        .join("  ")
        .trimEnd();
    const rule = widths.map((width) => "─".repeat(width)).join("──");
    const all = countOf(weights.parameters) + countOf(weights.running);
    const moving = Object.entries(weights.parameters).filter(([name]) => !frozen.has(name));
    const trained = countOf(Object.fromEntries(moving));
    return [
      line(head),
      rule,
      ...rows.map(line),
      rule,
      `Parameters: ${grouped(all)}`,
      `Trained: ${grouped(trained)}`,
      `Not trained: ${grouped(all - trained)}`,
    ].join("\n");
  }
}

/** Refuses inputs of another shape than those that layers were built for. */
export function checkInputs(op: string, { inputShape }: Network, x: Tensor): void {
  if (x.shape.slice(1).join() !== inputShape.join() || x.rank === 0) {
    throw new ArgumentError(
      op,
      `the model takes inputs [B, ${inputShape.join(", ")}]`,
      `[${x.shape.join(", ")}]`,
      "Shapes are those of the first inputs it has seen.",
    );
  }
}
