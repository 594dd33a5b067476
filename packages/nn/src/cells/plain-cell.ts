/** @file What the cells of the literature share: first values, checks of a step, and gates with their names. */
import {
  ArgumentError,
  type Cell,
  checkOptions,
  concat,
  full,
  scope,
  sigmoid,
  splitKey,
  sub,
  tanh,
  type Tensor,
  to,
  within,
} from "@tapeloop/autograd";
import { orthogonal } from "../initializers/orthogonal.ts";
import { uniformInit } from "../initializers/plain.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import {
  type CellOptions,
  cellOptions,
  type RecurrentCell,
  type SizedCell,
  zeroState,
} from "./recurrent-cell.ts";

/** Parameters of most gated cells: gates side by side, as many in each as the cell's description says. */
export interface GateParameters {
  /** Weights of the input [F, nH], for n gates. */
  readonly Wx: Tensor;
  /** Weights of the state [H, nH], for n gates. */
  readonly Wh: Tensor;
  /** Bias [nH], for n gates. */
  readonly b: Tensor;
}

/** State of cells that remember what they show. */
export interface HiddenState {
  /** Hidden state [B, H]. */
  readonly h: Tensor;
}

/** State of cells that remember more than they show. */
export interface CellState extends HiddenState {
  /** Cell state [B, H]. */
  readonly c: Tensor;
}

/** Makes first values, each from a key of its own, in the order of the calls. */
export interface FirstValues {
  /** Wx [F, nH]. */
  input(gates?: number): Tensor;
  /** Wh [H, nH], or with another number of rows. */
  recurrent(gates?: number, rows?: number): Tensor;
  /** Weights of the state of another size [rows, columns]. */
  matrix(rows: number, columns: number): Tensor;
  /** Weights of the state of single units [nH]: a Wh that is diagonal. Default: even in [0, 1). */
  diagonal(gates?: number): Tensor;
  /** Evenly distributed [nH]. */
  uniform(low: number, high: number, gates?: number): Tensor;
  /** A bias [nH] that starts with one number per gate. */
  bias(...starts: readonly number[]): Tensor;
  /** One number []. */
  scalar(start: number): Tensor;
}

/** A cell without its sizes. */
export interface Design<P, S> {
  /** What the cell takes beside {@link CellOptions}. */
  readonly options?: readonly string[];
  /** The parts of its state, and their sizes. */
  readonly state: { readonly [K in keyof S]: number };
  /** First parameters. */
  parameters(first: FirstValues): P;
  /** The equations; sizes of x and of the state are checked before. */
  readonly step: Cell<P, S, Tensor, Tensor>;
}

/** A cell of a design: options, sizes and the operands of every step are checked in its name. */
export function cellOf<P, S extends { readonly [K in keyof S]: Tensor }>(
  name: string,
  inputSize: number,
  hiddenSize: number,
  options: CellOptions,
  design: Design<P, S>,
): RecurrentCell<P, S> {
  checkOptions(name, options, [...cellOptions, ...(design.options ?? [])]);
  checkSizes(name, { inputSize, hiddenSize });
  const { dtype = "float32" } = options;
  const parts = Object.entries<number>(design.state) as [keyof S & string, number][];
  return {
    inputSize,
    hiddenSize,
    init: (key) => scope(() => design.parameters(firstValues(key, inputSize, hiddenSize, options))),
    initialState: (batch) =>
      Object.fromEntries(
        parts.map(([part, size]) => [part, zeroState(size, batch, dtype)]),
      ) as unknown as S,
    step: (parameters, state, x) => {
      checkLastAxis(name, "x", x, inputSize);
      for (const [part, size] of parts) checkLastAxis(name, part, state[part], size);
      return within(name, () => design.step(parameters, state, x));
    },
  };
}

/** A {@link cellOf} whose state has size H in all parts: it knows its sizes in types. */
export function sizedCell<P, N extends string, I extends number, H extends number>(
  name: string,
  inputSize: I,
  hiddenSize: H,
  options: CellOptions,
  design: Omit<Design<P, Readonly<Record<N, Tensor>>>, "state"> & { readonly state: readonly N[] },
): SizedCell<P, N, I, H> {
  const sizes = Object.fromEntries(design.state.map((part) => [part, hiddenSize]));
  const state = sizes as unknown as Readonly<Record<N, number>>;
  const cell = cellOf(name, inputSize, hiddenSize, options, { ...design, state });
  return cell as unknown as SizedCell<P, N, I, H>;
}

/** First values from a key. */
function firstValues(
  key: Tensor,
  F: number,
  H: number,
  { inputWeights = glorotUniform, recurrentWeights, dtype = "float32" }: CellOptions,
): FirstValues {
  let rest = key;
  const next = (): Tensor => {
    const [own, others] = splitKey(rest);
    rest = others;
    return own;
  };
  const filled = (shape: number[], value: number): Tensor =>
    to(full(shape, value, { dtype }), key.backend);
  return {
    input: (gates = 1) => inputWeights(next(), [F, gates * H], { dtype }),
    recurrent: (gates = 1, rows = H) =>
      (recurrentWeights ?? orthogonal)(next(), [rows, gates * H], { dtype }),
    matrix: (rows, columns) => (recurrentWeights ?? orthogonal)(next(), [rows, columns], { dtype }),
    diagonal: (gates = 1) =>
      (recurrentWeights ?? uniformInit(0, 1))(next(), [gates * H], { dtype }),
    uniform: (low, high, gates = 1) => uniformInit(low, high)(next(), [gates * H], { dtype }),
    bias: (...starts) => concat(starts.map((start) => filled([H], start))),
    scalar: (start) => filled([], start),
  };
}

/** A gate: the sigmoid of its sum, both with their names. */
export function gate(name: string, sums: Tensor): Tensor {
  return probe(`gates.${name}`, sigmoid(probe(`sums.${name}`, sums)));
}

/** What gates let into the state: φ of its sum, both with their names. */
export function candidate(name: string, sums: Tensor, φ: (x: Tensor) => Tensor = tanh): Tensor {
  return probe("candidate", φ(probe(`sums.${name}`, sums)));
}

/** z ⊙ a + (1 − z) ⊙ b; exactly a for z = 1. */
export function blend(z: Tensor, a: Tensor, b: Tensor): Tensor {
  return z.mul(a).add(sub(1, z).mul(b));
}

/** h as the state and as the output. */
export function shown(h: Tensor): readonly [HiddenState, Tensor] {
  return [{ h }, h];
}

/** Refuses a setting that breaks its rule. */
export function checkSetting(op: string, rule: string, value: number, isGood: boolean): void {
  if (!isGood) throw new ArgumentError(op, rule, String(value));
}
