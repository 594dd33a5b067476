/**
 * @file The published equations of linear, exponential and convolutional cells, for one example and one step, in
 * plain numbers. Written without a look at how the cells compute: complex numbers are pairs [re, im], sums of
 * exponentials are not stabilized, convolutions are loops.
 */

type Vector = readonly number[];
type Matrix = readonly Vector[];
type Pair = readonly [re: number, im: number];
/** Complex numbers as a tree has them. */
interface Split<T> {
  readonly re: T;
  readonly im: T;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.log(1 + Math.exp(x));
const total = (xs: Vector): number => xs.reduce((a, b) => a + b, 0);
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
/** x·W + b */
const affine = (x: Vector, W: Matrix, b?: Vector): number[] =>
  range(W[0].length).map((j) => total(x.map((xi, i) => xi * W[i][j])) + (b?.[j] ?? 0));
/** The kth of n equal parts. */
const part = (xs: Vector, k: number, n: number): number[] =>
  xs.slice((k * xs.length) / n, ((k + 1) * xs.length) / n);

const times = ([a, b]: Pair, [c, d]: Pair): Pair => [a * c - b * d, a * d + b * c];
const plus = ([a, b]: Pair, [c, d]: Pair): Pair => [a + c, b + d];
const over = ([a, b]: Pair, [c, d]: Pair): Pair => {
  const size = c * c + d * d;
  return [(a * c + b * d) / size, (b * c - a * d) / size];
};
const exponential = ([a, b]: Pair): Pair => [Math.exp(a) * Math.cos(b), Math.exp(a) * Math.sin(b)];
const split = (xs: readonly Pair[]): Split<number[]> => ({
  re: xs.map(([re]) => re),
  im: xs.map(([, im]) => im),
});
const pairs = ({ re, im }: Split<Vector>): Pair[] => re.map((x, i) => [x, im[i]]);

interface Affine {
  Wx: Matrix;
  b: Vector;
}

/** Feng et al. 2024, section 3.1. */
export const minGru = ({ Wx, b }: Affine, s: { h: Vector }, x: Vector) => {
  const [z, candidate] = [0, 1].map((k) => part(affine(x, Wx, b), k, 2));
  const h = s.h.map((old, j) => (1 - sigmoid(z[j])) * old + sigmoid(z[j]) * candidate[j]);
  return [{ h }, h];
};

/** The same with candidates that are g of theirs. */
export const positiveMinGru = ({ Wx, b }: Affine, s: { h: Vector }, x: Vector) => {
  const [z, candidate] = [0, 1].map((k) => part(affine(x, Wx, b), k, 2));
  const g = candidate.map((v) => (v >= 0 ? v + 0.5 : sigmoid(v)));
  const h = s.h.map((old, j) => (1 - sigmoid(z[j])) * old + sigmoid(z[j]) * g[j]);
  return [{ h }, h];
};

/** Feng et al. 2024, section 3.2. */
export const minLstm = ({ Wx, b }: Affine, s: { h: Vector }, x: Vector) => {
  const [af, ai, candidate] = [0, 1, 2].map((k) => part(affine(x, Wx, b), k, 3));
  const h = s.h.map((old, j) => {
    const [f, i] = [sigmoid(af[j]), sigmoid(ai[j])];
    return (f / (f + i)) * old + (i / (f + i)) * candidate[j];
  });
  return [{ h }, h];
};

/** Lei et al. 2017, version 1; the way past is a fourth product if sizes differ. */
export const sru = ({ Wx, b }: Affine, s: { c: Vector }, x: Vector) => {
  const hidden = s.c.length;
  const products = Wx[0].length / hidden;
  const sums = range(products).map((k) => part(affine(x, Wx), k, products));
  const way = sums[3] ?? x;
  const c = s.c.map((old, j) => {
    const f = sigmoid(sums[1][j] + b[j]);
    return f * old + (1 - f) * sums[0][j];
  });
  const y = c.map((cj, j) => {
    const r = sigmoid(sums[2][j] + b[hidden + j]);
    return r * Math.tanh(cj) + (1 - r) * way[j];
  });
  return [{ c }, y];
};

/** Bradbury et al. 2017, eqs. 1 and 3–5. */
export const qrnn = ({ Wx, b }: Affine, s: { c: Vector; past?: Vector }, x: Vector) => {
  const inputs = [...(s.past ?? []), ...x];
  const gates = b.length / s.c.length;
  const [z, f, o, i] = range(gates).map((k) => part(affine(inputs, Wx, b), k, gates));
  const c = s.c.map((old, j) => {
    const forget = sigmoid(f[j]);
    const input = i === undefined ? 1 - forget : sigmoid(i[j]);
    return forget * old + input * Math.tanh(z[j]);
  });
  const y = o === undefined ? c : c.map((cj, j) => sigmoid(o[j]) * cj);
  return [s.past === undefined ? { c } : { c, past: inputs.slice(x.length) }, y];
};

interface Lru {
  nu: Vector;
  theta: Vector;
  gamma: Vector;
  B: Split<Matrix>;
  C: Split<Matrix>;
  D: Matrix;
}

/** Re(s·C) */
const shown = (s: readonly Pair[], C: Split<Matrix>): number[] =>
  range(C.re[0].length).map((j) => total(s.map((sn, n) => times(sn, [C.re[n][j], C.im[n][j]])[0])));
/** x·B */
const complexAffine = (x: Vector, B: Split<Matrix>): Pair[] => {
  const [re, im] = [affine(x, B.re), affine(x, B.im)];
  return re.map((v, n) => [v, im[n]]);
};

/** Orvieto et al. 2023, eq. 7. */
export const lru = (
  { nu, theta, gamma, B, C, D }: Lru,
  before: { s: Split<Vector> },
  x: Vector,
) => {
  const u = complexAffine(x, B);
  const s = pairs(before.s).map((old, n) => {
    const lambda = exponential([-Math.exp(nu[n]), Math.exp(theta[n])]);
    return plus(times(lambda, old), times([Math.exp(gamma[n]), 0], u[n]));
  });
  const past = affine(x, D);
  return [{ s: split(s) }, shown(s, C).map((y, j) => y + past[j])];
};

/** [e^(λΔ), (e^(λΔ) − 1) / λ] */
const held = (decay: number, frequency: number, logStep: number): [Pair, Pair] => {
  const lambda: Pair = [-Math.exp(decay), frequency];
  const a = exponential(times(lambda, [Math.exp(logStep), 0]));
  return [a, over(plus(a, [-1, 0]), lambda)];
};

interface S4d {
  decay: Matrix;
  frequency: Matrix;
  logStep: Vector;
  C: Split<Matrix>;
  D: Vector;
}

/** Gu et al. 2022, with the zero-order hold. */
export const s4d = (p: S4d, before: { s: Split<Matrix> }, x: Vector) => {
  const s = x.map((xj, j) =>
    pairs({ re: before.s.re[j], im: before.s.im[j] }).map((old, n) => {
      const [a, gain] = held(p.decay[j][n], p.frequency[j][n], p.logStep[j]);
      return plus(times(a, old), times(gain, [xj, 0]));
    }),
  );
  const y = x.map((xj, j) => {
    const terms = s[j].map((sn, n) => times([p.C.re[j][n], p.C.im[j][n]], sn)[0]);
    return 2 * total(terms) + p.D[j] * xj;
  });
  return [{ s: { re: s.map((row) => split(row).re), im: s.map((row) => split(row).im) } }, y];
};

interface S5 {
  decay: Vector;
  frequency: Vector;
  logStep: Vector;
  B: Split<Matrix>;
  C: Split<Matrix>;
  D: Matrix;
}

/** Smith et al. 2023, with the zero-order hold. */
export const s5 = (p: S5, before: { s: Split<Vector> }, x: Vector) => {
  const u = complexAffine(x, p.B);
  const s = pairs(before.s).map((old, n) => {
    const [a, gain] = held(p.decay[n], p.frequency[n], p.logStep[n]);
    return plus(times(a, old), times(gain, u[n]));
  });
  const past = affine(x, p.D);
  return [{ s: split(s) }, shown(s, p.C).map((y, j) => 2 * y + past[j])];
};

interface SelectiveScan {
  Wx: Matrix;
  Wdt: Matrix;
  bdt: Vector;
  decay: Matrix;
  D: Vector;
}

/** Gu and Dao 2023, algorithm 2. */
export const selectiveScan = (p: SelectiveScan, before: { s: Matrix }, x: Vector) => {
  const [rank, states] = [p.Wdt.length, p.decay[0].length];
  const all = affine(x, p.Wx);
  const B = all.slice(rank, rank + states);
  const C = all.slice(rank + states);
  const step = affine(all.slice(0, rank), p.Wdt, p.bdt).map(softplus);
  const s = x.map((xj, j) =>
    range(states).map(
      (n) => Math.exp(-step[j] * Math.exp(p.decay[j][n])) * before.s[j][n] + step[j] * B[n] * xj,
    ),
  );
  return [{ s }, x.map((xj, j) => total(s[j].map((v, n) => C[n] * v)) + p.D[j] * xj)];
};

interface Rwkv extends Readonly<Record<"mixR" | "mixK" | "mixV" | "decay" | "bonus", Vector>> {
  Wr: Matrix;
  Wk: Matrix;
  Wv: Matrix;
  Wo: Matrix;
}

/** Peng et al. 2023: sums as they are, and only at the end divided by the exponential of the greatest exponent. */
export const rwkv = (p: Rwkv, s: Record<"x" | "a" | "b" | "m", Vector>, x: Vector) => {
  const mixed = (mix: Vector): number[] => x.map((v, i) => mix[i] * v + (1 - mix[i]) * s.x[i]);
  const r = affine(mixed(p.mixR), p.Wr);
  const k = affine(mixed(p.mixK), p.Wk);
  const v = affine(mixed(p.mixV), p.Wv);
  const sums = s.a.map((a, j) => {
    const [above, below] = [a * Math.exp(s.m[j]), s.b[j] * Math.exp(s.m[j])];
    const now = Math.exp(p.bonus[j] + k[j]);
    const w = Math.exp(p.decay[j]);
    const m = Math.max(s.m[j] - w, k[j]);
    return {
      wkv: (above + now * v[j]) / (below + now),
      a: (Math.exp(-w) * above + Math.exp(k[j]) * v[j]) / Math.exp(m),
      b: (Math.exp(-w) * below + Math.exp(k[j])) / Math.exp(m),
      m,
    };
  });
  const next = {
    x,
    a: sums.map(({ a }) => a),
    b: sums.map(({ b }) => b),
    m: sums.map(({ m }) => m),
  };
  return [
    next,
    affine(
      sums.map(({ wkv }, j) => sigmoid(r[j]) * wkv),
      p.Wo,
    ),
  ];
};

interface Slstm extends Affine {
  Wh: Matrix | readonly Matrix[];
}

/** h·Wh for each of four gates; heads see themselves alone. */
const byHeads = (h: Vector, Wh: readonly Matrix[]): number[] =>
  range(4).flatMap((gate) =>
    Wh.flatMap((own, head) => part(affine(part(h, head, Wh.length), own), gate, 4)),
  );

/** Beck et al. 2024, eqs. 8–14; the forget gate is `f` of its sum. */
export const slstm =
  (f: (x: number) => number) =>
  ({ Wx, Wh, b }: Slstm, s: Record<"h" | "c" | "n" | "m", Vector>, x: Vector) => {
    const recurrent = byHeads(s.h, (typeof Wh[0][0] === "number" ? [Wh] : Wh) as readonly Matrix[]);
    const sums = affine(x, Wx, b).map((v, j) => v + recurrent[j]);
    const [ai, af, az, ao] = range(4).map((k) => part(sums, k, 4));
    const units = s.h.map((_, j) => {
      const m = Math.max(Math.log(f(af[j])) + s.m[j], ai[j]);
      const c = f(af[j]) * s.c[j] * Math.exp(s.m[j]) + Math.exp(ai[j]) * Math.tanh(az[j]);
      const n = f(af[j]) * s.n[j] * Math.exp(s.m[j]) + Math.exp(ai[j]);
      return { h: sigmoid(ao[j]) * (c / n), c: c / Math.exp(m), n: n / Math.exp(m), m };
    });
    const h = units.map((unit) => unit.h);
    return [
      { h, c: units.map(({ c }) => c), n: units.map(({ n }) => n), m: units.map(({ m }) => m) },
      h,
    ];
  };

/** Beck et al. 2024, eqs. 19–27. */
export const mlstm =
  (f: (x: number) => number) =>
  ({ Wx, b }: Affine, s: { C: readonly Matrix[]; n: Matrix; m: Vector }, x: Vector) => {
    const [heads, units] = [s.n.length, s.n[0].length];
    const size = heads * units;
    const all = affine(x, Wx, b);
    const [q, k, v, o] = range(4).map((g) => all.slice(g * size, (g + 1) * size));
    const next = range(heads).map((head) => {
      const own = (xs: Vector): number[] => xs.slice(head * units, (head + 1) * units);
      const key = own(k).map((value) => value / Math.sqrt(units));
      const [ai, af] = [all[4 * size + head], all[4 * size + heads + head]];
      const [forget, input, scale] = [f(af), Math.exp(ai), Math.exp(s.m[head])];
      const C = own(v).map((value, i) =>
        key.map((kj, j) => forget * s.C[head][i][j] * scale + input * value * kj),
      );
      const n = key.map((kj, j) => forget * s.n[head][j] * scale + input * kj);
      const weight = Math.max(Math.abs(total(n.map((nj, j) => nj * own(q)[j]))), 1);
      const y = C.map(
        (row, i) => (sigmoid(own(o)[i]) * total(row.map((cij, j) => cij * own(q)[j]))) / weight,
      );
      const m = Math.max(Math.log(f(af)) + s.m[head], ai);
      const unit = Math.exp(-m);
      return { C: C.map((row) => row.map((c) => c * unit)), n: n.map((nj) => nj * unit), m, y };
    });
    return [
      { C: next.map(({ C }) => C), n: next.map(({ n }) => n), m: next.map(({ m }) => m) },
      next.flatMap(({ y }) => y),
    ];
  };

/** An image [height][width][channels] and kernels [outputs][channels][height][width]. */
type Image = readonly Matrix[];
type Kernel = readonly Image[];

/** The convolution with zeros around the image, of which an even kernel sees one more behind. */
function convolve(image: Image, kernel: Kernel): number[][][] {
  return image.map((row, y) =>
    row.map((_, x) =>
      kernel.map((channels) => {
        const [height, width] = [channels[0].length, channels[0][0].length];
        const [up, left] = [Math.floor((height - 1) / 2), Math.floor((width - 1) / 2)];
        return total(
          channels.flatMap((rows, c) =>
            rows.flatMap((weights, dy) =>
              weights.map((w, dx) => w * (image[y + dy - up]?.[x + dx - left]?.[c] ?? 0)),
            ),
          ),
        );
      }),
    ),
  );
}

/** f of the values of images at every place and channel. */
const mapImages = (
  f: (...values: number[]) => number,
  first: Image,
  ...others: readonly Image[]
): number[][][] =>
  first.map((row, y) =>
    row.map((channels, x) =>
      channels.map((value, c) => f(value, ...others.map((image) => image[y][x][c]))),
    ),
  );

/** The channels of one of n gates. */
const gateOf = (image: Image, k: number, n: number): number[][][] =>
  image.map((row) => row.map((channels) => part(channels, k, n)));

interface ConvLstm {
  Wx: Kernel;
  Wh: Kernel;
  b: Vector;
  Wc?: Image;
}

/** Shi et al. 2015, eq. 3. */
export const convLstm = ({ Wx, Wh, b, Wc }: ConvLstm, s: { h: Image; c: Image }, x: Image) => {
  const gates = range(4);
  const sums = mapImages((v, r) => v + r, convolve(x, Wx), convolve(s.h, Wh));
  const [ai, af, ag, ao] = gates.map((k) =>
    gateOf(
      sums.map((row) => row.map((channels) => channels.map((v, c) => v + b[c]))),
      k,
      4,
    ),
  );
  const none = mapImages(() => 0, s.c);
  const [wi, wf, wo] = range(3).map((k) => (Wc === undefined ? none : gateOf(Wc, k, 3)));
  const c = mapImages(
    (i, f, g, pi, pf, old) => sigmoid(f + pf * old) * old + sigmoid(i + pi * old) * Math.tanh(g),
    ai,
    af,
    ag,
    wi,
    wf,
    s.c,
  );
  const h = mapImages((o, po, cell) => sigmoid(o + po * cell) * Math.tanh(cell), ao, wo, c);
  return [{ h, c }, h];
};

/** Ballas et al. 2016, with z that keeps. */
export const convGru = ({ Wx, Wh, b }: ConvLstm, s: { h: Image }, x: Image) => {
  const hidden = Wh.length / 3;
  const ofX = convolve(x, Wx).map((row) => row.map((channels) => channels.map((v, c) => v + b[c])));
  const [xr, xz, xn] = range(3).map((k) => gateOf(ofX, k, 3));
  const [hr, hz] = [0, 1].map((k) => convolve(s.h, Wh.slice(k * hidden, (k + 1) * hidden)));
  const r = mapImages((v, u) => sigmoid(v + u), xr, hr);
  const z = mapImages((v, u) => sigmoid(v + u), xz, hz);
  const hn = convolve(
    mapImages((v, u) => v * u, r, s.h),
    Wh.slice(2 * hidden),
  );
  const h = mapImages(
    (keep, v, u, old) => (1 - keep) * Math.tanh(v + u) + keep * old,
    z,
    xn,
    hn,
    s.h,
  );
  return [{ h }, h];
};

type Row = Matrix;
interface RowKernels {
  Wx: readonly Matrix[];
  Wh: readonly Matrix[];
  b: Vector;
  Wc?: Row;
}

/** An equation over images, for rows: images of height 1. */
export const overRows =
  <S>(equation: (p: ConvLstm, s: S, x: Image) => (Record<string, Image> | Image)[]) =>
  ({ Wx, Wh, b, Wc }: RowKernels, s: Record<string, Row>, x: Row) => {
    const flat = (kernels: readonly Matrix[]): Kernel =>
      kernels.map((channels) => channels.map((weights) => [weights]));
    const images = Object.fromEntries(Object.entries(s).map(([name, row]) => [name, [row]]));
    const [next, y] = equation(
      { Wx: flat(Wx), Wh: flat(Wh), b, ...(Wc === undefined ? {} : { Wc: [Wc] }) },
      images as S,
      [x],
    ) as [Record<string, Image>, Image];
    return [
      Object.fromEntries(Object.entries(next).map(([name, image]) => [name, image[0]])),
      y[0],
    ];
  };
