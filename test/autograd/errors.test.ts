/**
 * @file Bad input, everywhere in the public face: every exported function is called with what it does not
 * take, argument by argument. Each time an error of ours comes, or a result: never a crash. An op that is
 * new takes part by itself; a parameter of a new name asks for an entry in {@link samples}.
 */
import * as core from "@tapeloop/autograd";
import {
  add,
  arange,
  argmax,
  BackendError,
  cast,
  concat,
  DisposedError,
  DTypeError,
  eye,
  full,
  fullLike,
  gather,
  grad,
  IndexError,
  InternalError,
  jvp,
  matmul,
  max,
  mean,
  oneHot,
  ones,
  reshape,
  scatterAdd,
  setDefaultBackend,
  ShapeError,
  stack,
  sum,
  TapeloopError,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "@tapeloop/autograd";
import { allocate } from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);
beforeAll(() => setDefaultBackend(ndarrayBackend));

const elsewhereBackend = { ...ndarrayBackend, name: "elsewhere" };

const matrix = (): Tensor =>
  tensor([
    [1, 2],
    [3, 4],
  ]);
const vector = (): Tensor => tensor([1, 2]);
const ints = (...data: number[]): Tensor => tensor(Int32Array.from(data));
const doubled = (x: Tensor): Tensor => x.mul(2).sum();

/** A good argument for every name that a parameter has. */
const samples: Readonly<Record<string, () => unknown>> = {
  above: () => 1,
  otherwise: () => 0,
  alpha: () => 1,
  columns: () => 2,
  combine: () => core.add,
  a: matrix,
  at: matrix,
  atZero: () => 0.5,
  axes: () => [1, 0],
  axis: () => 0,
  b: matrix,
  backend: () => ndarrayBackend,
  count: () => 2,
  data: () => [1, 2],
  direction: matrix,
  dtype: () => "float64",
  end: () => 1,
  f: () => doubled,
  from: () => core.key(1),
  high: () => 1,
  index: () => 0,
  indices: () => reshape(ints(0, 1, 1, 0), [2, 2]),
  init: vector,
  k: () => 1,
  logits: matrix,
  low: () => 0,
  mask: () => tensor([true, false]),
  n: () => 2,
  p: () => 0.5,
  pieces: () => 2,
  place: () => "here",
  q: () => 0.5,
  ranges: () => [null, { start: 1 }],
  rows: () => 2,
  shape: () => [2, 2],
  shift: () => 1,
  size: () => 2,
  slope: () => 0.1,
  sorted: vector,
  start: () => 0,
  state: matrix,
  step: () => 1,
  stop: () => 2,
  tensors: () => [matrix(), matrix()],
  times: () => 2,
  to: () => 0,
  tree: () => ({ a: matrix() }),
  value: () => 1,
  values: matrix,
  weight: () => 0.5,
  weights: vector,
  width: () => 1,
  widths: () => [
    [0, 0],
    [0, 0],
  ],
  x: matrix,
  xs: matrix,
  y: matrix,
};

/** Good arguments of those that need others than their parameters' names tell. */
const special: Readonly<Record<string, () => unknown[]>> = {
  binCount: () => [ints(0, 1), 2],
  checkGradients: () => [doubled, tensor([1], { dtype: "float64" })],
  cross: () => [tensor([1, 2, 3]), tensor([4, 5, 6])],
  dot: () => [vector(), vector()],
  dotGeneral: () => [matrix(), matrix(), { batch: [[], []], contract: [[1], [0]] }],
  key: () => [3],
  conv1d: () => [zeros([1, 2, 4]), zeros([3, 2, 2])],
  conv2d: () => [zeros([1, 2, 4, 4]), zeros([3, 2, 2, 2])],
  convTranspose1d: () => [zeros([1, 2, 4]), zeros([2, 3, 2])],
  convTranspose2d: () => [zeros([1, 2, 4, 4]), zeros([2, 3, 2, 2])],
  einsum: () => ["ij,jk->ik", matrix(), matrix()],
  embeddingLookup: () => [matrix(), ints(0, 1)],
  moveAxis: () => [matrix(), 0, 1],
  tile: () => [matrix(), [2, 1]],
  meshgrid: () => [[vector(), vector()]],
  tensordot: () => [matrix(), matrix(), [[1], [0]]],
  mapTree: () => [(x: Tensor) => x, { a: matrix() }],
  outer: () => [vector(), vector()],
  scan: () => [(_: null, s: Tensor, x: Tensor) => [s.add(x), x], null, vector(), matrix()],
  scatter: () => [matrix(), ints(0, 1), matrix()],
  scatterAdd: () => [matrix(), ints(0, 1), { size: 2 }],
  searchSorted: () => [vector(), vector()],
  seed: () => [3],
  swapAxes: () => [matrix(), 0, 1],
  vmap: () => [doubled, {}],
};

/** What is about functions and programs, or serves those who write backends and tools. */
const notOps = new Set(
  (
    "setDefaultBackend defaultBackend checkOptions checkFiniteNumbers tapeOf nextKey memory scope step within noGrad grad " +
    "valueAndGrad hessian hvp checkpoint customVjp customJvp gradientHook detectAnomaly dim compile trace " +
    "verify simplify formatProgram explain cond whileLoop"
  ).split(" "),
);

type AnyFunction = (...args: unknown[]) => unknown;

/** The names of a function's parameters, read from its text. */
function parametersOf(f: AnyFunction): string[] {
  const code = String(f).replace(/\/\*[^]*?\*\//g, "");
  const open = code.indexOf("(");
  let depth = 0;
  let from = open + 1;
  const list: string[] = [];
  for (let i = open; i < code.length; i++) {
    if ("([{".includes(code[i])) depth++;
    if (")]}".includes(code[i])) depth--;
    if (depth === 0 || (depth === 1 && code[i] === ",")) {
      list.push(code.slice(from, i));
      from = i + 1;
    }
    if (depth === 0) break;
  }
  return list.map((text) => text.split("=")[0].trim()).filter((name) => name !== "");
}

/** A public function with good arguments, and the place of its options, or −1. */
interface Op {
  readonly name: string;
  readonly f: AnyFunction;
  readonly args: () => unknown[];
  readonly options: number;
}

const unknown: string[] = [];

/** Every public op. */
const ops = Object.entries(core as Readonly<Record<string, unknown>>).flatMap(([name, f]): Op[] => {
  if (typeof f !== "function" || /^class\b/.test(String(f)) || notOps.has(name)) return [];
  const parameters = parametersOf(f as AnyFunction);
  const options = parameters.indexOf("options");
  const positional = parameters.filter(
    (parameter) => parameter !== "options" && !parameter.startsWith("..."),
  );
  const missing = positional.filter((parameter) => !Object.hasOwn(samples, parameter));
  if (special[name] === undefined && missing.length > 0) {
    unknown.push(...missing.map((parameter) => `${name}: ${parameter}`));
    return [];
  }
  const args = special[name] ?? (() => positional.map((parameter) => samples[parameter]()));
  return [{ name, f: f as AnyFunction, args, options }];
});

/** The error of a call; null if it succeeds. */
function errorOf(call: () => unknown): unknown {
  try {
    call();
    return null;
  } catch (error) {
    return error;
  }
}

/** An error in words. */
function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : JSON.stringify(error);
}

describe("every op", () => {
  test("has known parameters: add the names below to `samples`, or the op to `special`", () => {
    expect(unknown).toEqual([]);
    expect(ops.length).toBeGreaterThan(80);
  });

  test("takes good arguments", () => {
    for (const { name, f, args } of ops) {
      expect(
        errorOf(() => f(...args())),
        `${name} fails`,
      ).toBeNull();
    }
  });

  const withOptions = ops.filter(({ options }) => options >= 0);

  test.each(withOptions)("$name refuses an option that it does not have, by name", (op) => {
    const { name, f, args, options } = op;
    const given = args().slice(0, options);
    const own = args()[options] as object | undefined;
    const call = (): unknown => f(...given, { ...own, axsi: 1 });
    expect(call).toThrow(TapeloopError);
    expect(call).toThrow(`${name}: options are`);
    expect(call).toThrow('"axsi"');
  });

  test.each(withOptions)("$name refuses what is no object of options", (op) => {
    const { name, f, args, options } = op;
    for (const wrong of [0, -1, null, [0], "first"]) {
      const error = errorOf(() => f(...args().slice(0, options), wrong));
      expect(error, `${name} with ${JSON.stringify(wrong)} for options`).toBeInstanceOf(
        TapeloopError,
      );
      expect(error).not.toBeInstanceOf(InternalError);
    }
  });

  const wrongValues: Readonly<Record<string, readonly unknown[]>> = {
    axis: [9, -9, 0.5, NaN, "0", [0]],
    axes: [9, -9, 0.5, [0, -9], [NaN], "0"],
    keepAxes: [1, "yes"],
    dtype: ["float16", 32],
  };

  test.each(withOptions)(
    "$name refuses wrong values of its options",
    ({ name, f, args, options }) => {
      const given = args().slice(0, options);
      const own = args()[options] as object | undefined;
      const message = textOf(errorOf(() => f(...given, { ...own, axsi: 1 })));
      const known = /options are ([\w, ]+), got/.exec(message)?.[1].split(", ") ?? [];
      const accepted = known.flatMap((option) =>
        (wrongValues[option] ?? []).flatMap((value) => {
          const error = errorOf(() => f(...given, { ...own, [option]: value }));
          const isOurs = error instanceof TapeloopError && !(error instanceof InternalError);
          const what = `{ ${option}: ${JSON.stringify(value)} }`;
          return isOurs ? [] : [`${what}: ${error === null ? "accepted" : textOf(error)}`];
        }),
      );
      expect(accepted, `what ${name} takes`).toEqual([]);
    },
  );

  const disposed = matrix();
  disposed.dispose();
  const wrong: Readonly<Record<string, () => unknown>> = {
    NaN: () => NaN,
    "a negative number": () => -1,
    "a fraction": () => 1.5,
    "a word": () => "first",
    "an empty array": () => [],
    "a shape beyond memory": () => [1e6, 1e6],
    "a negative size": () => [-1],
    "a size of NaN": () => [NaN],
    "a fraction of a size": () => [1.5],
    "an array of words": () => ["a"],
    "ragged arrays": () => [[1, 2], [3]],
    "a tensor that was given back": () => disposed,
    "a tensor on another backend": () => tensor([[1, 2]], { backend: elsewhereBackend }),
    "no elements": () => zeros([0]),
    "no elements along the last axis": () => zeros([2, 0]),
    "a mask": () => tensor([true]),
    "indices out of range": () => ints(7, -7),
    "many axes": () => zeros([1, 1, 1, 1, 1, 1]),
  };
  /** What TypeScript lets through in the place of a value: numbers for numbers, tensors for tensors. */
  const kindOf = (value: unknown): string => {
    if (value instanceof core.Tensor) return "tensor";
    if (Array.isArray(value)) return value.length === 0 ? "array" : `array of ${kindOf(value[0])}`;
    return typeof value;
  };
  const isKind = (good: unknown, bad: unknown): boolean =>
    kindOf(good) === kindOf(bad) || (Array.isArray(good) && kindOf(bad) === "array");

  test.each(ops)("$name answers every wrong argument with an error of ours, or a result", (op) => {
    const { name, f, args } = op;
    const crashes: string[] = [];
    args().forEach((good, i) => {
      for (const [what, make] of Object.entries(wrong)) {
        if (!isKind(good, make())) continue;
        const started = performance.now();
        const error = errorOf(() => f(...args().with(i, make())));
        const took = performance.now() - started;
        const isOurs = error instanceof TapeloopError && !(error instanceof InternalError);
        if (error !== null && !isOurs) crashes.push(`argument ${i}, ${what}: ${textOf(error)}`);
        if (took > 2000) crashes.push(`argument ${i}, ${what}: took ${took.toFixed(0)} ms`);
        if (isOurs && !/^[\w$]+: .+/.test(error.message)) crashes.push(error.message);
      }
    });
    expect(crashes, `${name} crashes`).toEqual([]);
  });

  const ofTensors = ops.filter(({ args }) => args().some((x) => x instanceof core.Tensor));

  test.each(ofTensors)("$name refuses a tensor that was given back", ({ name, f, args }) => {
    args().forEach((good, i) => {
      if (!(good instanceof core.Tensor)) return;
      const gone = tensor(good.toArray(), { dtype: good.dtype });
      gone.dispose();
      const error = errorOf(() => f(...args().with(i, gone)));
      // What asks for nothing but the type may still answer.
      if (error !== null) expect(error, `${name}, argument ${i}`).toBeInstanceOf(DisposedError);
    });
  });

  test.each(ofTensors)("$name refuses tensors on two backends", ({ name, f, args }) => {
    const places = args().flatMap((x, i) => (x instanceof core.Tensor ? [i] : []));
    if (places.length < 2) return;
    for (const i of places) {
      const moved = args();
      const good = moved[i] as Tensor;
      moved[i] = tensor(good.toArray(), { dtype: good.dtype, backend: elsewhereBackend });
      const error = errorOf(() => f(...moved));
      if (error !== null) expect(error, `${name}, argument ${i}`).toBeInstanceOf(BackendError);
    }
  });
});

describe("sizes", () => {
  test("are whole numbers from 0", () => {
    for (const size of [-1, 1.5, NaN, Infinity, "2" as unknown as number]) {
      for (const make of [zeros, ones, (shape: number[]) => full(shape, 3)]) {
        expect(() => make([2, size])).toThrow(ShapeError);
      }
      expect(() => eye(size)).toThrow(ShapeError);
      expect(() => tensor([1, 2], { shape: [size] })).toThrow(ShapeError);
    }
  });

  test("beyond what can be addressed are an error that says so", () => {
    expect(() => zeros([1e6, 1e6])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: fill: a tensor holds at most 4294967295 elements, got [1000000, 1000000]. Work in smaller batches.]`,
    );
    expect(() => ones([1e6]).broadcastTo([1e6, 1e6])).toThrow(ShapeError);
  });

  test("beyond memory are an error that says so, and not JavaScript's", () => {
    expect(() => allocate("float64", 2 ** 52)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: memory: there must be place for the elements, got 4503599627370496 of float64, 36028797018963970 bytes. Work in smaller batches.]`,
    );
  });

  test("of ragged arrays are named by their depth", () => {
    expect(() => tensor([[1, 2], [3]])).toThrow("every array at depth 1 must have 2 elements");
    expect(() => tensor([[1], 2])).toThrow(ShapeError);
    expect(() => tensor([1, [2]])).toThrow(ShapeError);
  });
});

describe("nothing", () => {
  const empty = zeros([0]);

  test("adds up to 0, and has the mean NaN, as in NumPy", () => {
    expect(sum(empty).item()).toBe(0);
    expect(mean(empty).item()).toBeNaN();
    expect(sum(zeros([2, 0]), { axes: 1 }).toArray()).toEqual([0, 0]);
    expect(matmul(zeros([2, 0]), zeros([0, 3])).toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  test("has no greatest element", () => {
    expect(() => max(empty)).toThrow(ShapeError);
    expect(() => argmax(empty)).toThrow(ShapeError);
  });

  test("cannot be joined or stacked", () => {
    expect(() => concat([])).toThrow("concat: needs at least one tensor");
    expect(() => stack([])).toThrow("stack: needs at least one tensor");
  });

  test("has gradients without elements", () => {
    expect(grad((x: Tensor) => sum(x.mul(x)))(empty).shape).toEqual([0]);
  });
});

describe("element types", () => {
  test("hold what they are given, or refuse it", () => {
    expect(() => full([2], 1.5, { dtype: "int32" })).toThrow(DTypeError);
    expect(() => fullLike(ints(1), 1.5)).toThrow(DTypeError);
    expect(() => tensor([2 ** 31], { dtype: "int32" })).toThrow(DTypeError);
    expect(() => arange(0, 1, 0.25, { dtype: "int32" })).toThrow(DTypeError);
    expect(() => arange(0, 3, 1, { dtype: "bool" })).toThrow(DTypeError);
    expect(() => zeros([1], { dtype: "float16" as "float32" })).toThrow(
      "dtype is bool, int32, float32 or float64, got float16",
    );
  });

  test("of indices are int32", () => {
    expect(() => gather(vector(), vector())).toThrow(DTypeError);
    expect(() => oneHot(vector(), 3)).toThrow(DTypeError);
    expect(() => scatterAdd(vector(), vector(), { size: 2 })).toThrow(DTypeError);
  });

  test("without derivatives are refused where one is asked for", () => {
    expect(() => grad((x: Tensor) => sum(x))(ints(1))).toThrow(TapeloopError);
    expect(() => grad((x: Tensor) => cast(sum(x), "int32"))(vector())).toThrow(TapeloopError);
    expect(() => jvp(doubled, vector(), ints(1, 1))).toThrow(ShapeError);
  });
});

describe("indices", () => {
  test("out of range are named with their place", () => {
    expect(() => gather(vector(), ints(0, 2))).toThrow(IndexError);
    expect(() => gather(vector(), ints(-1))).toThrow("got -1 at place 0");
    expect(() => scatterAdd(vector(), ints(0, 5), { size: 5 })).toThrow(IndexError);
    expect(() => gather(zeros([0]), ints(0))).toThrow("The axis has no elements.");
  });
});

describe("shapes", () => {
  test("that do not fit are both named", () => {
    const [wide, tall]: Tensor[] = [zeros([2, 3]), zeros([3, 2])];
    expect(() => add(wide, tall)).toThrow("float32[2,3] and float32[3,2]");
    expect(() => matmul(wide, wide)).toThrow("float32[2,3] and float32[2,3]");
    expect(() => vmap((x: Tensor, y: Tensor) => x.add(y))(zeros([2]), zeros([3]))).toThrow(
      "float32[2] and float32[3]",
    );
  });
});
