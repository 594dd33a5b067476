/**
 * @file What holds for every primitive, at every sample: one list, which the conformance tests run, the
 * matrix in the guides reports, and the mutation run turns against rules that were made wrong on purpose.
 */
import {
  checkGradients,
  checkpoint,
  compile,
  concat,
  explain,
  grad,
  jacobian,
  jvp,
  mul,
  reshape,
  setDefaultBackend,
  stack,
  sum,
  type Tensor,
  tensor,
  trace,
  vjp,
  vmap,
} from "@tapeloop/autograd";
import {
  allocate,
  type AnyPrimitive,
  apply,
  applyMany,
  type Backend,
  formatType,
  isFloat,
  type ManyPrimitive,
  type OnePrimitive,
  type PrimitiveName,
  primitives,
  type TensorType,
} from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { layouts } from "./layouts.ts";
import { indicesOf, type Input, real, reals, sizeOf, typed } from "./plain.ts";
import { expectClose, type Run, runKernel, typeIn, upload, uploadAs } from "./runs.ts";
import { floats, type Row, rows } from "./samples.ts";

/** What the matrix in the guides says of a primitive. */
export const columns = ["value", "vjp", "jvp", "order 2", "vmap"] as const;

/** Something that holds. */
export interface Property {
  /** As a test's title, behind the primitive's name. */
  readonly title: string;
  /** Which columns of the matrix rest on it. */
  readonly columns: readonly (typeof columns)[number][];
  /** The runs that it can be asked of. */
  readonly of: (run: Run) => boolean;
  /** Throws, with the first mismatches, if it does not hold. */
  readonly check: (run: Run) => void;
}

/** Every sample of a primitive, in every float type. */
export function runsOf(backend: Backend, name: PrimitiveName): Run[] {
  const row: Row<unknown> = rows[name];
  return floats.flatMap((float) =>
    row.samples
      .filter((sample) => (sample.float ?? float) === float)
      .map((sample) => ({ backend, name, row, sample, float })),
  );
}

/** Checks a property; a failure says of what, and where to look. */
export function checkProperty({ title, check }: Property, run: Run): void {
  const { name, sample, float } = run;
  try {
    check(run);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const inputs = sample.inputs.map((x) => formatType(typeIn(x, run))).join(", ");
    throw new Error(
      `${name}(${inputs}) ${title}? Not for the sample "${sample.what}" in ${float}:\n${reason}\n` +
        `Look at "${name}" in packages/autograd/src/primitives`,
      { cause },
    );
  }
}

// ----- Which runs -----

/** Whether there is something to differentiate by. */
function hasReal({ sample }: Run): boolean {
  return sample.inputs.some((x) => x.dtype === "real");
}

/** Whether there is something to differentiate. */
function hasRealResult(run: Run): boolean {
  const types = run.sample.inputs.map((x) => typeIn(x, run));
  const type = primitives[run.name].type(types, run.sample.params as never);
  return [type].flat().some(({ dtype }: TensorType) => isFloat(dtype));
}

/** Whether no input has more elements than this. Large ones would only take long. */
function isWithin({ sample }: Run, most: number): boolean {
  return sample.inputs.every((x) => x.data.length <= most);
}

/** Where there is a derivative, be it one of several at a kink. */
function hasDerivative(run: Run, most = 100): boolean {
  return run.row.isForwardOnly !== true && hasTangent(run, most);
}

/** Where there is one in forward mode. */
function hasTangent(run: Run, most = 100): boolean {
  return run.row.smooth && isWithin(run, most) && hasReal(run) && hasRealResult(run);
}

/** The same, where it is exact: in float64. */
function hasDoubleDerivative(run: Run): boolean {
  return hasDerivative(run) && run.float === "float64";
}

/** Where differences say something about derivatives. */
function isSmooth(run: Run): boolean {
  return hasDerivative(run, 500) && run.sample.kink !== true;
}

/** The same, where derivatives are exact: in float64. */
function isSmoothDouble(run: Run): boolean {
  return isSmooth(run) && run.float === "float64";
}

// ----- Primitives as functions -----

/** The inputs of a run as tensors. */
function tensorsOf(run: Run, inputs: readonly Input[] = run.sample.inputs): Tensor[] {
  return inputs.map((x) => {
    const type = typeIn(x, run);
    return tensor(typed(x.data, type.dtype), { ...type, backend: run.backend });
  });
}

/** Runs the primitive on tensors. */
function results({ name, sample }: Run, inputs: readonly Tensor[]): readonly Tensor[] {
  const primitive: AnyPrimitive = primitives[name];
  return primitive.results === "one"
    ? [apply(primitive as OnePrimitive<string, unknown, unknown>, inputs, sample.params)]
    : applyMany(primitive as ManyPrimitive<string, unknown, unknown>, inputs, sample.params);
}

/** The results with derivatives as one; in reverse order, so that none can be taken for another. */
function joined(list: readonly Tensor[]): Tensor {
  const floating = list.filter((y) => isFloat(y.dtype)).toReversed();
  if (floating.length === 1) return floating[0];
  return concat(
    floating.map((y) => reshape(y, [-1])),
    { axis: 0 },
  );
}

/** A function of a run's real inputs, and these. */
interface OfReals {
  readonly f: (x: readonly Tensor[]) => Tensor;
  readonly x: readonly Tensor[];
}

/** A run's op as a function of its real inputs. */
function asFunction(run: Run, all: readonly Tensor[] = tensorsOf(run)): OfReals {
  const isReal = run.sample.inputs.map((x) => x.dtype === "real");
  const f = (watched: readonly Tensor[]): Tensor => {
    let next = 0;
    return joined(
      results(
        run,
        all.map((x, i) => (isReal[i] ? watched[next++] : x)),
      ),
    );
  };
  return { f, x: all.filter((_, i) => isReal[i]) };
}

/** A fixed direction in the type of a tensor. */
function directionLike({ shape, dtype }: TensorType, turn: number): Tensor {
  return tensor(typed(real(shape, -1, 1, turn).data, dtype), { shape, dtype });
}

/** Σ x y over the pairs of two lists. */
function inner(x: readonly Tensor[], y: readonly Tensor[]): Tensor {
  return x.map((each, i) => sum(mul(each, y[i]))).reduce((a, b) => a.add(b));
}

/** ⟨f(x), w⟩ with fixed weights w. */
function weighted(f: OfReals["f"]): OfReals["f"] {
  return (x) => {
    const y = f(x);
    return inner([y], [directionLike(y, 0.7)]);
  };
}

/**
 * `f` with a curve before it and one behind, so that what comes in and what goes back depend on the point
 * as they do in the middle of a program. At `x` the function before changes nothing.
 */
function curved({ f, x }: OfReals): OfReals["f"] {
  return (at) => {
    const y = f(at.map((each, i) => each.add(each.sub(x[i]).square().mul(0.1))));
    return y.add(y.square().mul(0.25));
  };
}

/** The derivative of ⟨f(x), w⟩ with fixed weights w. */
function gradientOf(f: OfReals["f"]): (x: readonly Tensor[]) => readonly Tensor[] {
  return grad(weighted(f));
}

// ----- Comparing -----

/** What is compared: tensors, or numbers with their type. */
type Numbers = Pick<Tensor, "shape" | "dtype" | "dataSync">;

/** Fails with the first five numbers that differ by more than `tolerance` of the greatest. */
function expectSame(
  what: string,
  got: readonly Numbers[],
  want: readonly Numbers[],
  tolerance: number,
): void {
  const wrong = got.flatMap((g, slot) => {
    const w = want[slot];
    if (formatType(g) !== formatType(w)) return [`${formatType(g)}, not ${formatType(w)}`];
    const [left, right] = [g.dataSync(), w.dataSync()];
    const finite = [...right].filter(Number.isFinite).map(Math.abs);
    const allowed = tolerance * finite.reduce((a, b) => Math.max(a, b), 1);
    return indicesOf(g.shape).flatMap((index, i) => {
      if (Object.is(left[i], right[i]) || left[i] === right[i]) return [];
      if (Math.abs(left[i] - right[i]) <= allowed) return [];
      return [`  ${slot}[${index.join()}] is ${left[i]}, not ${right[i]}`];
    });
  });
  if (got.length !== want.length) wrong.push(`${got.length} tensors, not ${want.length}`);
  if (wrong.length > 0) throw new Error([`${what}:`, ...wrong.slice(0, 5)].join("\n"));
}

/** Fails unless two numbers agree, relative to the greater of 1 and the first. */
function expectEqual(what: string, got: number, want: number, tolerance: number): void {
  if (!(Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want)))) {
    throw new Error(`${what}: ${got}, not ${want}`);
  }
}

// ----- Values -----

/** The value at every place is that of the definition. */
function checkValue(run: Run, inputs: readonly Input[] = run.sample.inputs): void {
  runKernel(run, inputs).forEach((result, slot) => {
    const { shape, dtype } = result.type;
    if (result.data.constructor !== allocate(dtype, 0).constructor) {
      throw new Error(`the data is a ${result.data.constructor.name}, its type ${dtype}`);
    }
    if (result.data.length !== sizeOf(shape)) {
      throw new Error(`${result.data.length} elements of ${formatType(result.type)}`);
    }
    const { params } = run.sample;
    const expected = indicesOf(shape).map((at) => run.row.value(at, inputs, params, slot));
    expectClose(run, "value against definition", result, expected);
  });
}

/** Kernels that write into their inputs would change what other tensors look at. */
function checkInputsStay(run: Run): void {
  const arrays = run.sample.inputs.map((x) => upload(run, x));
  runKernel(run, run.sample.inputs, arrays);
  run.sample.inputs.forEach((x, i) => {
    const type = typeIn(x, run);
    const before = typed(x.data, type.dtype);
    const after = run.backend.readSync(arrays[i], type);
    if (before.some((v, place) => !Object.is(v, after[place]))) {
      throw new Error(`input ${i} was changed`);
    }
  });
}

/** The value does not depend on where the elements lie in memory. */
function checkLayouts(run: Run): void {
  for (const [way, layOut] of Object.entries(layouts)) {
    const laidOut = run.sample.inputs.map(layOut);
    const inputs = laidOut.map(({ seen }) => seen);
    const arrays = laidOut.map((layout) => uploadAs(run, layout));
    const expected = runKernel(run, inputs);
    runKernel(run, inputs, arrays).forEach((result, slot) =>
      expectClose(run, `with ${way}`, result, expected[slot].data),
    );
  }
}

const specialValues = [0, -0, 1, -1, 0.5, -2.5, Infinity, -Infinity, NaN];

/** The least and the greatest numbers of each float type. */
const extremes = {
  float32: [2 ** -149, -(2 ** -140), 3e38, -3e38].map(Math.fround),
  float64: [2 ** -1074, -(2 ** -1050), 1e308, -1e308],
};

/** A function of numbers is right at every combination of special values. */
function checkSpecialNumbers(run: Run): void {
  const f = run.row.elementwise as NonNullable<typeof run.row.elementwise>;
  const values = [...specialValues, ...extremes[run.float]];
  const points = indicesOf(run.sample.inputs.map(() => values.length)).map((index) =>
    index.map((i) => values[i]),
  );
  const inputs = run.sample.inputs.map((_each, input) =>
    reals(
      [points.length],
      points.map((point) => point[input]),
    ),
  );
  const sample = { what: "special values", inputs, params: run.sample.params };
  const expected = points.map((point) => f(...point));
  const special = { ...run, sample };
  const comparison = { signedZeros: true };
  expectClose(special, "value against definition", runKernel(special)[0], expected, comparison);
}

/** Elements in the place of a sample's own, by what is special about them. */
const specialData: Readonly<
  Record<string, (data: readonly number[], float: Run["float"]) => readonly number[]>
> = {
  "zeros of both signs": (data) => data.map((_, i) => (i % 2 === 0 ? 0 : -0)),
  "all equal": (data) => data.map(() => data[0]),
  "pairs of equal elements": (data) => data.map((_, i) => data[i - (i % 2)]),
  "NaN in the first place": (data) => data.map((v, i) => (i === 0 ? NaN : v)),
  "NaN in the last place": (data) => data.map((v, i) => (i === data.length - 1 ? NaN : v)),
  "Infinity in the first place": (data) => data.map((v, i) => (i === 0 ? Infinity : v)),
  "-Infinity in the last place": (data) =>
    data.map((v, i) => (i === data.length - 1 ? -Infinity : v)),
  "the least numbers": (data, float) => data.map((_, i) => extremes[float][i % 2]),
};

/** What is no function of single numbers keeps zeros, ties, NaN, infinities and the least numbers. */
function checkSpecialData(run: Run): void {
  for (const [what, make] of Object.entries(specialData)) {
    run.sample.inputs.forEach((x, i) => {
      if (x.dtype !== "real" || x.data.length === 0) return;
      const inputs = run.sample.inputs.with(i, { ...x, data: make(x.data, run.float) });
      const sample = { ...run.sample, inputs, what: `${run.sample.what}, ${what} of input ${i}` };
      checkValue({ ...run, sample });
    });
  }
}

// ----- Derivatives -----

/** ⟨v, J u⟩ = ⟨Jᵀ v, u⟩. */
function checkAdjoint(f: (x: readonly Tensor[]) => readonly Tensor[], x: readonly Tensor[]): void {
  // One input at a time, and then all of them: so no tangent is always there.
  for (const only of x.length > 1 ? [-1, ...x.keys()] : [-1]) {
    const u = x.map((each, i) =>
      only < 0 || only === i ? directionLike(each, 0.1 + i / 5) : mul(each, 0),
    );
    const { tangent } = jvp(f, x, u);
    const v = tangent.map((each, i) => directionLike(each, 0.6 + i / 5));
    const { pullback } = vjp(f, x);
    const [left, right] = [inner(v, tangent).item(), inner(pullback(v), u).item()];
    expectEqual("⟨v, J u⟩ against ⟨Jᵀ v, u⟩", left, right, 1e-11);
  }
}

/** The Jacobian by each input, read column by column and row by row. */
function checkJacobians({ f, x }: OfReals): void {
  x.forEach((each, i) => {
    const ofOne = (at: Tensor): Tensor => f(x.with(i, at));
    const forward = jacobian(ofOne, { mode: "forward" })(each);
    const reverse = jacobian(ofOne, { mode: "reverse" })(each);
    expectSame(`Jacobian by input ${i}, forward against reverse`, [forward], [reverse], 1e-12);
  });
}

/** Only the input named is differentiated: the others' tangents are missing, not zero. */
function checkEachAlone({ f, x }: OfReals): void {
  x.forEach((each, i) => checkAdjoint(([at]) => [f(x.with(i, at))], [each]));
}

/** vᵀ H u by every pair of directions of differentiation. */
function checkFourWays({ f, x }: OfReals): void {
  const s = weighted(curved({ f, x }));
  const u = x.map((each, i) => directionLike(each, 0.1 + i / 5));
  const v = x.map((each, i) => directionLike(each, 0.35 + i / 5));
  const slope = (at: readonly Tensor[]): Tensor => jvp(s, at, u).tangent;
  const ways = {
    "reverse over reverse": () => inner(grad((at: typeof x) => inner(grad(s)(at), u))(x), v),
    "forward over reverse": () => inner(jvp(grad(s), x, u).tangent, v),
    "reverse over forward": () => inner(grad(slope)(x), v),
    "forward over forward": () => jvp(slope, x, v).tangent,
  };
  const [[first, way], ...others] = Object.entries(ways);
  const expected = way().item();
  for (const [name, other] of others) {
    expectEqual(`second derivative, ${name} against ${first}`, other().item(), expected, 1e-10);
  }
}

/** Running again inside of the backward pass changes no bit. */
function checkCheckpoint({ f, x }: OfReals): void {
  const again = checkpoint(f);
  const u = x.map((each) => directionLike(each, 0.3));
  const all = (g: OfReals["f"]): Numbers[] => [
    g(x),
    ...gradientOf(g)(x),
    jvp(g, x, u).tangent,
    ...grad((at: typeof x) => inner(gradientOf(g)(at), u))(x),
  ];
  expectSame("checkpointed against plain", all(again), all(f), 0);
}

/** Derivatives at views are those at copies. */
function checkDerivativesOfViews(run: Run): void {
  for (const [way, layOut] of Object.entries(layouts)) {
    const laidOut = run.sample.inputs.map(layOut);
    const copies = asFunction(
      run,
      tensorsOf(
        run,
        laidOut.map(({ seen }) => seen),
      ),
    );
    const stored = tensorsOf(
      run,
      laidOut.map((layout) => layout.stored),
    );
    const views = asFunction(
      run,
      laidOut.map(({ movement, params }, i) =>
        apply(primitives[movement] as OnePrimitive<string, unknown, unknown>, [stored[i]], params),
      ),
    );
    const of = ({ f, x }: OfReals): readonly Numbers[] => gradientOf(f)(x);
    expectSame(`derivative with ${way}`, of(views), of(copies), 1e-12);
  }
}

/** Tensors that a run leads to, made when they are asked for. */
type Derived = Readonly<Record<string, () => readonly Tensor[]>>;

/**
 * What is derived from a run in its float type, by what it is: two examples at once, and, where differences say
 * something of them, the derivatives of orders 1 and 2, also of the examples.
 */
function derivedIn(run: Run): Derived {
  const { inputs, kink } = run.sample;
  if (inputs.length === 0) return {};
  const two = (f: OfAll) => (): readonly Tensor[] =>
    vmap((...each: readonly Tensor[]) => f(each))(
      ...batchOf(
        run,
        inputs.map(() => true),
        2,
      ),
    );
  const values = { "two examples": two((all) => results(run, all)) };
  if (kink === true || !hasTangent(run, 500)) return values;
  const { f, x } = asFunction(run);
  const s = weighted(curved({ f, x }));
  const u = x.map((each, i) => directionLike(each, 0.1 + i / 5));
  const slope = (at: readonly Tensor[]): Tensor => jvp(s, at, u).tangent;
  const tangents = {
    ...values,
    tangent: () => [jvp(f, x, u).tangent],
    "tangent of the tangent": () => [jvp(slope, x, u).tangent],
    "tangents of two examples": two(tangentOfAll(run)),
  };
  if (run.row.isForwardOnly === true) return tangents;
  return {
    gradient: () => gradientOf(f)(x),
    ...tangents,
    "gradient of the tangent": () => grad(slope)(x),
    "tangent of the gradient": () => jvp(grad(s), x, u).tangent,
    "gradients of two examples": two(gradientOfAll(run)),
  };
}

/**
 * What is derived from a run in float32 is close to the same on the reference in float64, to some part of the
 * greatest: values and first derivatives to `tolerance`, those of second order to ten times that, whole numbers exactly.
 *
 * @param only - What is asked for. Default: all of it.
 */
export async function expectDerived(
  run: Run,
  tolerance: number,
  only: string | null = null,
): Promise<void> {
  if (run.sample.float !== undefined) return;
  const single = derivedIn(run);
  for (const what of Object.keys(single)) {
    if (only !== null && what !== only) continue;
    const isSecond = / of the /.test(what);
    setDefaultBackend(ndarrayBackend);
    const expected = derivedIn({ ...run, backend: ndarrayBackend, float: "float64" })[what]();
    setDefaultBackend(run.backend);
    for (const [i, x] of single[what]().entries()) {
      const [data, wanted] = [await x.data(), expected[i].dataSync()];
      const finite = Array.from(wanted).filter(Number.isFinite).map(Math.abs);
      const greatest = finite.reduce((a, b) => Math.max(a, b), 1);
      const allowed = isFloat(x.dtype) ? tolerance * greatest * (isSecond ? 10 : 1) : 0;
      const wrong = Array.from(wanted).flatMap((want, k) =>
        Math.abs(data[k] - want) <= allowed || !Number.isFinite(want)
          ? []
          : [`  [${k}] is ${data[k]}, not ${want}`],
      );
      if (wrong.length === 0) continue;
      throw new Error([`${run.sample.what}, ${what} ${i}:`, ...wrong.slice(0, 5)].join("\n"));
    }
  }
}

/** Rules round as little in float32 as kernels do. */
function checkSinglePrecision(run: Run): void {
  const [single, double] = (["float32", "float64"] as const).map((float) => {
    const { f, x } = asFunction({ ...run, float });
    return gradientOf(f)(x);
  });
  const look = `"${run.name}" in packages/autograd/src/primitives`;
  const comparison = { ulps: 16 + 2 * run.row.ulps, each: false, look };
  single.forEach((g, input) => {
    const result = { type: g, data: g.dataSync() };
    const what = `derivative by input ${input} against float64`;
    expectClose(run, what, result, double[input].dataSync(), comparison);
  });
}

/** Where derivatives are a matter of choice, they are what the documentation says, in both modes. */
function checkKinks(run: Run): void {
  for (const { what, inputs, params, slopes } of run.row.kinks ?? []) {
    const there = { ...run, sample: { what, inputs, params } };
    const { f, x } = asFunction(there);
    const found = grad((at: readonly Tensor[]) => sum(f(at)))(x);
    const wanted = x.map(({ shape, dtype }, i) => ({
      shape,
      dtype,
      dataSync: () => typed(slopes[i], dtype),
    }));
    expectSame(`derivative at ${what}`, found, wanted, 1e-12);
    x.forEach((each, i) => {
      const { tangent } = jvp(([at]: readonly Tensor[]) => f(x.with(i, at)), [each], [ones(each)]);
      expectEqual(`tangent at ${what}`, sum(tangent).item(), sum(found[i]).item(), 1e-12);
    });
    const second = grad((at: typeof x) => inner(gradientOf(f)(at), at))(x);
    if (second.some((g) => g.dataSync().some(Number.isNaN))) {
      throw new Error(`the second derivative at ${what} is NaN`);
    }
  }
}

/** Ones in the type of a tensor. */
function ones({ shape, dtype }: TensorType): Tensor {
  return tensor(allocate(dtype, sizeOf(shape)).fill(1), { shape, dtype });
}

/** A step function is a constant to derivatives. */
function checkConstant(run: Run): void {
  const primitive: AnyPrimitive = primitives[run.name];
  if (primitive.vjp !== null || primitive.jvp !== null) {
    throw new Error("it has a rule, and its row of samples says that it is not smooth");
  }
  const { f, x } = asFunction(run);
  const total = (at: readonly Tensor[]): Tensor =>
    results(run, at).some((y) => isFloat(y.dtype)) ? sum(f(at)).add(inner(at, at)) : inner(at, at);
  const plain = grad((at: readonly Tensor[]) => inner(at, at))(x);
  if (run.sample.inputs.length === x.length) {
    expectSame("derivative beside ⟨x, x⟩", grad(total)(x), plain, 0);
  }
}

// ----- Many examples at once -----

/**
 * Another example of an input: the elements moved on by some places, so that the examples differ and
 * stay in range.
 */
function example(x: Input, turn: number): Input {
  const { length } = x.data;
  if (length === 1 && x.dtype === "real") return { ...x, data: [x.data[0] * (1 - turn / 32)] };
  return { ...x, data: x.data.map((_, i) => x.data[(i + turn) % length]) };
}

/** Tensors side by side along a new first axis, without any op. */
function sideBySide(list: readonly Numbers[], like: TensorType): Numbers {
  const shape = [list.length, ...like.shape];
  const data = list.flatMap((x) => [...x.dataSync()]);
  return { shape, dtype: like.dtype, dataSync: () => typed(data, like.dtype) };
}

/** A function of all inputs of a run. */
type OfAll = (inputs: readonly Tensor[]) => readonly Tensor[];

/** Which inputs have examples: each alone, and all. */
function batchings(run: Run): boolean[][] {
  const { inputs } = run.sample;
  const each = inputs.map((_, i) => inputs.map((__, j) => i === j));
  return inputs.length > 1 ? [...each, inputs.map(() => true)] : each;
}

/** The inputs of one example. */
function inputsOf(run: Run, isBatched: readonly boolean[], turn: number): Input[] {
  return run.sample.inputs.map((x, i) => (isBatched[i] ? example(x, turn) : x));
}

/** The inputs of all examples. */
function batchOf(run: Run, isBatched: readonly boolean[], size: number): Tensor[] {
  const inputs = run.sample.inputs.map((x, i): Input => {
    if (!isBatched[i]) return x;
    const data = Array.from({ length: size }, (_, turn) => example(x, turn).data).flat();
    return { ...x, shape: [size, ...x.shape], data };
  });
  return tensorsOf(run, inputs);
}

/** `f` on all examples at once, and one after the other. */
function checkMany(run: Run, f: OfAll, sizes: readonly number[], tolerance: number): void {
  const like = f(tensorsOf(run));
  for (const isBatched of batchings(run)) {
    const inAxes = isBatched.map((batched) => (batched ? 0 : null));
    for (const size of sizes) {
      const which = isBatched.flatMap((batched, i) => (batched ? [i] : [])).join(" and ");
      const many = vmap((...all: readonly Tensor[]) => f(all), { inAxes });
      const got = many(...batchOf(run, isBatched, size));
      const each = Array.from({ length: size }, (_, turn) =>
        f(tensorsOf(run, inputsOf(run, isBatched, turn))),
      );
      const want = like.map((type, slot) =>
        sideBySide(
          each.map((list) => list[slot]),
          type,
        ),
      );
      expectSame(`${size} examples of input ${which}, at once and in turn`, got, want, tolerance);
    }
  }
}

/** vmap in vmap: all inputs with both, or one input with each. */
function checkNested(run: Run): void {
  const { inputs } = run.sample;
  const none = inputs.map(() => false);
  const all = inputs.map(() => true);
  const pairs =
    inputs.length > 1
      ? [
          [all, all],
          [none.with(0, true), none.with(1, true)],
          [none.with(1, true), none.with(0, true)],
        ]
      : [[all, all]];
  const like = results(run, tensorsOf(run));
  const axesOf = (isBatched: readonly boolean[]): { inAxes: (number | null)[] } => ({
    inAxes: isBatched.map((batched) => (batched ? 0 : null)),
  });
  for (const [outer, within] of pairs) {
    const turned = (i: number, j: number): Input[] =>
      inputs.map((x, k) => example(x, (outer[k] ? i : 0) + (within[k] ? 2 * j : 0)));
    const full = inputs.map((x, k): Input => {
      const [m, n] = [outer[k] ? 2 : 1, within[k] ? 3 : 1];
      const data = indicesOf([m, n]).flatMap(([i, j]) => example(x, i + 2 * j).data);
      const sizes = [...(outer[k] ? [2] : []), ...(within[k] ? [3] : [])];
      return { dtype: x.dtype, shape: [...sizes, ...x.shape], data };
    });
    const f = vmap(
      (...a: readonly Tensor[]) =>
        vmap((...b: readonly Tensor[]) => results(run, b), axesOf(within))(...a),
      axesOf(outer),
    );
    const got = f(...tensorsOf(run, full));
    const each = indicesOf([2, 3]).map(([i, j]) => results(run, tensorsOf(run, turned(i, j))));
    const want = like.map((type, slot) => {
      const row = sideBySide(
        each.map((list) => list[slot]),
        type,
      );
      return { dtype: row.dtype, shape: [2, 3, ...type.shape], dataSync: row.dataSync };
    });
    expectSame("vmap in vmap, at once and in turn", got, want, 1e-12);
  }
}

/** The gradient by the real ones of all inputs. */
function gradientOfAll(run: Run): OfAll {
  return (all) => {
    const { f, x } = asFunction(run, all);
    return gradientOf(f)(x);
  };
}

/** The tangent for fixed directions. */
function tangentOfAll(run: Run): OfAll {
  return (all) => {
    const { f, x } = asFunction(run, all);
    const u = x.map((each, i) => directionLike(each, 0.1 + i / 5));
    return [jvp(f, x, u).tangent];
  };
}

/** The derivative of all examples' results together, by inputs with examples and by shared ones. */
function checkOutside(run: Run): void {
  const size = 3;
  for (const isBatched of batchings(run)) {
    if (!run.sample.inputs.some((x, i) => isBatched[i] && x.dtype === "real")) continue;
    const inAxes = isBatched.map((batched) => (batched ? 0 : null));
    const all = batchOf(run, isBatched, size);
    const isReal = run.sample.inputs.map((x) => x.dtype === "real");
    const x = all.filter((_, i) => isReal[i]);
    const withReals = (watched: readonly Tensor[]): Tensor[] => {
      let next = 0;
      return all.map((each, i) => (isReal[i] ? watched[next++] : each));
    };
    const many = (watched: readonly Tensor[]): Tensor =>
      vmap((...each: readonly Tensor[]) => joined(results(run, each)), { inAxes })(
        ...withReals(watched),
      );
    const loop = (watched: readonly Tensor[]): Tensor => {
      const inputs = withReals(watched);
      const each = Array.from({ length: size }, (_, turn) => {
        const one = inputs.map((t, i) =>
          isBatched[i] ? reshape(t.slice([{ start: turn, stop: turn + 1 }]), t.shape.slice(1)) : t,
        );
        const y = joined(results(run, one));
        return reshape(y, [1, ...y.shape]);
      });
      return concat(each, { axis: 0 });
    };
    const u = x.map((each, i) => directionLike(each, 0.2 + i / 5));
    const which = `with examples of ${isBatched.map(Number).join("")}`;
    expectSame(`gradient of vmap ${which}`, gradientOf(many)(x), gradientOf(loop)(x), 1e-12);
    const tangents = [many, loop].map((f) => [jvp(f, x, u).tangent]);
    expectSame(`tangent of vmap ${which}`, tangents[0], tangents[1], 1e-12);
  }
}

/** In forward mode alone: tangents of first and second order agree with differences, and gradients are refused. */
function checkForward(run: Run): void {
  const { f, x } = asFunction(run);
  const u = x.map((each, i) => directionLike(each, 0.1 + i / 5));
  const along = (g: OfReals["f"], at: readonly Tensor[]): Tensor => {
    const h = 1e-5;
    const [up, down] = [h, -h].map((d) => g(at.map((each, i) => each.add(u[i].mul(d)))));
    return up.sub(down).div(2 * h);
  };
  const first: OfReals["f"] = (at) => jvp(f, at, u).tangent;
  expectSame("tangent", [first(x)], [along(f, x)], 1e-8);
  expectSame("tangent of the tangent", [jvp(first, x, u).tangent], [along(first, x)], 1e-8);
  for (const [i, each] of x.entries()) {
    const { tangent } = jvp(([at]: readonly Tensor[]) => f(x.with(i, at)), [each], [u[i]]);
    const others = x.map((one, k) => (k === i ? u[i] : one.mul(0)));
    expectSame(`tangent by input ${i} alone`, [tangent], [jvp(f, x, others).tangent], 1e-12);
  }
  let code = "";
  try {
    gradientOf(f)(x);
  } catch (error) {
    code = (error as { code: string }).code;
  }
  if (code !== "gradient") throw new Error("reverse mode is not refused");
}

/** Gradients by what a result does not depend on, after any number of steps, are zero; by all else they are refused. */
function checkFlow(run: Run): void {
  const inputs = tensorsOf(run);
  const samples = run.row.samples.filter(({ float }) => float === run.float);
  results(run, inputs).forEach((y, k) => {
    if (!isFloat(y.dtype)) return;
    inputs.forEach((x, i) => {
      if (!isFloat(x.dtype)) return;
      const depends = samples.some((sample) => {
        const each = { ...run, sample };
        const all = tensorsOf(each);
        const f = (at: Tensor): Tensor => results(each, all.with(i, at))[k];
        return jvp(f, x, directionLike(x, 0.1)).tangent.abs().max().item() > 0;
      });
      let found: Tensor | null = null;
      try {
        found = grad((at: Tensor) => sum(results(run, inputs.with(i, at))[k]))(x);
      } catch (error) {
        if ((error as { code?: string }).code !== "gradient") throw error;
      }
      if (depends !== (found === null)) {
        throw new Error(
          `the gradient of result ${k} by input ${i} is ${found ? "there" : "refused"}`,
        );
      }
      if (found !== null) expectSame("gradient", [found], [mul(x, 0).abs()], 0);
    });
  });
}

// ----- Loops -----

/** What `explain` says of a loop, against its parameters and results. */
function checkExplained(run: Run): void {
  const inputs = tensorsOf(run);
  const program = trace((...x: Tensor[]) => results(run, x), ...inputs);
  const { steps, reverse, keptBytes } = explain(program).loops[0];
  const params = run.sample.params as Readonly<Partial<Record<string, unknown>>>;
  const made = results(run, inputs);
  const kept = made.slice((params["carries"] as number | undefined) ?? made.length);
  const bytes = kept.reduce(
    (count, { size, dtype }) => count + size * (dtype === "float64" ? 8 : 4),
    0,
  );
  const wanted = JSON.stringify([params["steps"] ?? null, params["reverse"] ?? false, bytes]);
  const found = JSON.stringify([steps, reverse, keptBytes]);
  if (found !== wanted) throw new Error(`explained as ${found}, not ${wanted}`);
}

/** The sum of the results over three steps, against the primitive's rule for it. */
function checkTotal(run: Run): void {
  const steps = [0, 1, 2];
  const inputs = tensorsOf(run);
  const { total } = primitives[run.name] as AnyPrimitive;
  for (const isBatched of choicesOf(inputs)) {
    const at = (step: number): Tensor[] =>
      inputs.map((x, i) => (isBatched[i] ? x.mul(1 + 0.3 * step).add(0.1 * step) : x));
    const lanes = inputs.map((x, i) =>
      isBatched[i]
        ? {
            x: stack(
              steps.map((step) => at(step)[i]),
              { axis: 0 },
            ),
            isBatched: true,
          }
        : { x, isBatched: false },
    );
    const found = (total as NonNullable<typeof total>)(
      (i) => lanes[i],
      (i) => (isBatched[i] ? sum(lanes[i].x, { axes: 0 }) : mul(lanes[i].x, steps.length)),
      run.sample.params,
    );
    const expected = steps.map((step) => results(run, at(step))[0]).reduce((a, b) => a.add(b));
    expectSame(
      `the sum with steps in ${isBatched.map(Number).join("")}`,
      [found],
      [expected],
      1e-12,
    );
  }
}

/** Every choice of at least one real input. */
function choicesOf(inputs: readonly Tensor[]): boolean[][] {
  return inputs
    .reduce<boolean[][]>(
      (found, x) =>
        found.flatMap((head) =>
          isFloat(x.dtype)
            ? [
                [...head, false],
                [...head, true],
              ]
            : [[...head, false]],
        ),
      [[]],
    )
    .filter((choice) => choice.includes(true));
}

/** Each result alone, compiled: what only led to the others is left out of the program. */
function checkAlone(run: Run): void {
  const inputs = tensorsOf(run);
  results(run, inputs).forEach((expected, k) => {
    const alone = compile((...x: Tensor[]) => results(run, x)[k])(...inputs);
    expectSame(`result ${k} alone`, [alone], [expected], 0);
  });
}

// ----- The list -----

/** What holds for every primitive. */
export const properties: readonly Property[] = [
  {
    title: "agrees with its definition, in the type that its rule infers",
    columns: ["value"],
    of: () => true,
    check: (run) => checkValue(run),
  },
  {
    title: "leaves its inputs as they are",
    columns: ["value"],
    of: () => true,
    check: checkInputsStay,
  },
  {
    title: "gives the same however its inputs lie in memory",
    columns: ["value"],
    of: ({ sample }) => sample.inputs.length > 0,
    check: checkLayouts,
  },
  {
    title: "is right at zeros, infinities, NaN, the least and the greatest numbers",
    columns: ["value"],
    of: (run) => run.row.elementwise !== undefined && run.sample === run.row.samples[0],
    check: checkSpecialNumbers,
  },
  {
    title: "keeps zeros, ties, NaN, infinities and the least numbers",
    columns: ["value"],
    of: (run) =>
      run.row.elementwise === undefined &&
      run.sample.kink !== true &&
      hasReal(run) &&
      isWithin(run, 100),
    check: checkSpecialData,
  },
  {
    title: "has derivatives of order 1 and 2 that agree with differences",
    columns: ["vjp", "order 2"],
    of: isSmoothDouble,
    check: (run) => {
      const { f, x } = asFunction(run);
      checkGradients(f, x, { order: 2, tolerance: [1e-8, 1e-6] });
    },
  },
  {
    title: "pulls back and pushes forward with one Jacobian",
    columns: ["vjp", "jvp"],
    of: isSmoothDouble,
    check: (run) => {
      const { f, x } = asFunction(run);
      checkAdjoint((at) => [f(at)], x);
      checkEachAlone({ f, x });
    },
  },
  {
    title: "pulls back and pushes its gradient forward with one Jacobian",
    columns: ["order 2"],
    of: isSmoothDouble,
    check: (run) => {
      const { f, x } = asFunction(run);
      checkAdjoint(gradientOf(curved({ f, x })), x);
    },
  },
  {
    title: "has one Jacobian by columns and by rows",
    columns: ["vjp", "jvp"],
    of: (run) => isSmoothDouble(run) && isWithin(run, 30),
    check: (run) => checkJacobians(asFunction(run)),
  },
  {
    title: "has one second derivative in all four orders of forward and reverse",
    columns: ["order 2"],
    of: isSmoothDouble,
    check: (run) => checkFourWays(asFunction(run)),
  },
  {
    title: "has one second derivative in all four orders, by one input alone",
    columns: ["order 2"],
    // Where programs are run, the cotangents of all inputs are found together, when the first is asked for.
    of: (run) => primitives[run.name].bodies !== undefined && isSmoothDouble(run),
    check: (run) => {
      const { f, x } = asFunction(run);
      x.forEach((each, i) => checkFourWays({ f: ([at]) => f(x.with(i, at)), x: [each] }));
    },
  },
  {
    title: "has the same derivatives when it runs again in a checkpoint",
    columns: ["vjp", "order 2"],
    of: hasDoubleDerivative,
    check: (run) => checkCheckpoint(asFunction(run)),
  },
  {
    title: "has the same derivatives however its inputs lie in memory",
    columns: ["vjp"],
    of: hasDoubleDerivative,
    check: checkDerivativesOfViews,
  },
  {
    title: "has derivatives in float32 close to those in float64",
    columns: ["vjp"],
    of: (run) => isSmooth(run) && run.float === "float32" && run.sample.float === undefined,
    check: checkSinglePrecision,
  },
  {
    title: "has the documented derivatives at kinks and ties",
    columns: ["vjp", "jvp"],
    of: (run) =>
      run.row.kinks !== undefined && run.float === "float64" && run.sample === run.row.samples[0],
    check: checkKinks,
  },
  {
    title: "is a constant to derivatives",
    columns: ["vjp", "jvp", "order 2"],
    of: (run) => !run.row.smooth && hasReal(run) && run.float === "float64" && isWithin(run, 100),
    check: checkConstant,
  },
  {
    title: "sums over the steps of a loop by its rule as one by one",
    columns: ["vjp"],
    of: (run) => primitives[run.name].total !== undefined && isSmoothDouble(run),
    check: checkTotal,
  },
  {
    title: "gives each result alone as it gives it among the others",
    columns: ["value", "vjp"],
    of: (run) => primitives[run.name].bodies !== undefined,
    check: checkAlone,
  },
  {
    title: "is explained as the loop that it is",
    columns: ["value", "vjp"],
    of: (run) => (primitives[run.name].bodies?.loop ?? null) !== null,
    check: checkExplained,
  },
  {
    title: "gives the same for 0, 1 and 3 examples at once as in turn",
    columns: ["vmap"],
    of: (run) => run.sample.inputs.length > 0 && isWithin(run, 100),
    check: (run) => checkMany(run, (all) => results(run, all), [0, 1, 3], 1e-12),
  },
  {
    title: "gives the same for examples of examples at once as in turn",
    columns: ["vmap"],
    of: (run) => run.sample.inputs.length > 0 && run.sample.inputs.length < 4 && isWithin(run, 100),
    check: checkNested,
  },
  {
    title: "has the same derivatives for many examples at once as in turn",
    columns: ["vmap"],
    of: hasDoubleDerivative,
    check: (run) => {
      checkMany(run, gradientOfAll(run), [1, 3], 1e-12);
      checkMany(run, tangentOfAll(run), [1, 3], 1e-12);
    },
  },
  {
    title: "pushes forward as differences say, and refuses to pull back",
    columns: ["jvp", "order 2"],
    of: (run) => run.row.isForwardOnly === true && run.float === "float64" && hasTangent(run),
    check: checkForward,
  },
  {
    title: "pulls back zeros by what a result does not depend on, and refuses all else",
    columns: ["vjp"],
    of: (run) => run.row.isForwardOnly === true && run.float === "float64",
    check: checkFlow,
  },
  {
    title: "has the same tangents for many examples at once as in turn",
    columns: ["vmap"],
    of: (run) => run.row.isForwardOnly === true && run.float === "float64" && hasTangent(run),
    check: (run) => checkMany(run, tangentOfAll(run), [1, 3], 1e-12),
  },
  {
    title: "has the same derivative around many examples at once as around a loop",
    columns: ["vmap", "order 2"],
    of: hasDoubleDerivative,
    check: checkOutside,
  },
];
