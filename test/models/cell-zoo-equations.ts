/** @file The equations of the cells of the literature, in plain JavaScript, for one sequence. */

type Vector = readonly number[];
type Matrix = readonly (readonly number[])[];

/** The parts of a state that a cell has. */
export type Numbers = Readonly<Record<"h" | "c" | "z" | "s" | "v" | "x" | "past", Vector>>;
/** Parameters: those that a cell has. Wh and b are lists in a cell of several layers. */
export interface Parameters {
  readonly Wh: Matrix & readonly Matrix[];
  readonly b: Vector & readonly Vector[];
  readonly Wx: Matrix;
  readonly Wp: Matrix;
  readonly Wz: Matrix;
  readonly Wc: Matrix;
  readonly Ws: Matrix;
  readonly Wmx: Matrix;
  readonly Wmh: Matrix;
  readonly Wr: Matrix;
  readonly Wo: Matrix;
  readonly W1: Matrix;
  readonly W2: Matrix;
  readonly b1: Vector;
  readonly b2: Vector;
  readonly u: Vector;
  readonly c: Vector;
  readonly bz: Vector;
  readonly bn: Vector;
  readonly bu: Vector;
  readonly alpha: number;
  readonly beta: number;
  readonly zeta: number;
  readonly nu: number;
}

/** One step: the next state, and the output. */
export type Step = (p: Parameters, s: Numbers, x: Vector) => { next: Partial<Numbers>; y: Vector };

const σ = (v: number): number => 1 / (1 + Math.exp(-v));
const relu = (v: number): number => Math.max(0, v);
const hard = (v: number): number => Math.min(1, Math.max(0, v / 6 + 0.5));
/** x·W, columns from i·n to (i + 1)·n. */
const dot = (x: Vector, W: Matrix, n: number, i = 0): number[] =>
  Array.from({ length: n }, (_, j) => x.reduce((sum, v, k) => sum + v * W[k][i * n + j], 0));
const part = (v: Vector, n: number, i: number): Vector => v.slice(i * n, (i + 1) * n);
/** Element by element. */
const each = (f: (...values: number[]) => number, ...vs: Vector[]): number[] =>
  vs[0].map((_, j) => f(...vs.map((v) => v[j])));
const sum = (...vs: Vector[]): number[] =>
  each((...values) => values.reduce((a, b) => a + b, 0), ...vs);
const tanh = (v: Vector): number[] => v.map(Math.tanh);
const sig = (v: Vector): number[] => v.map(σ);
const mix = (z: Vector, a: Vector, b: Vector): number[] =>
  each((g, u, v) => g * u + (1 - g) * v, z, a, b);
const times = (...vs: Vector[]): number[] =>
  each((...values) => values.reduce((a, b) => a * b, 1), ...vs);
const only = (h: Vector): { next: Partial<Numbers>; y: Vector } => ({ next: { h }, y: h });
/** Sums of n units of gate i: x·Wx + h·Wh + b. */
const full = (p: Parameters, h: Vector, x: Vector, i: number): number[] => {
  const n = h.length;
  return sum(dot(x, p.Wx, n, i), dot(h, p.Wh, n, i), part(p.b, n, i));
};
/** x·Wx + b of gate i. */
const inputs = (p: Parameters, x: Vector, n: number, i: number): number[] =>
  sum(dot(x, p.Wx, n, i), part(p.b, n, i));

export const equations: Readonly<Record<string, Step>> = {
  ranCell: (p, { h, c }, x) => {
    const n = h.length;
    const g = (k: number): number[] =>
      sig(sum(dot(x, p.Wx, n, k + 1), dot(h, p.Wh, n, k), part(p.b, n, k)));
    const next = sum(times(g(0), dot(x, p.Wx, n, 0)), times(g(1), c));
    return { next: { h: tanh(next), c: next }, y: tanh(next) };
  },
  atrCell: (p, { h }, x) => {
    const [a, b] = [dot(x, p.Wx, h.length), dot(h, p.Wh, h.length)];
    return only(each((u, v, s) => σ(u + v) * u + σ(u - v) * s, a, b, h));
  },
  cfnCell: (p, { h }, x) => {
    const n = h.length;
    const g = (k: number): number[] =>
      sig(sum(dot(x, p.Wx, n, k), dot(h, p.Wh, n, k), part(p.b, n, k)));
    return only(sum(times(g(0), tanh(h)), times(g(1), tanh(dot(x, p.Wx, n, 2)))));
  },
  mguCell: (p, { h }, x) => {
    const n = h.length;
    const f = sig(full(p, h, x, 0));
    const a = tanh(sum(inputs(p, x, n, 1), dot(times(f, h), p.Wh, n, 1)));
    return only(mix(f, a, h));
  },
  mgu1Cell: (p, { h }, x) => {
    const n = h.length;
    const f = sig(sum(dot(h, p.Wh, n, 0), part(p.b, n, 0)));
    return only(
      mix(f, tanh(sum(dot(x, p.Wx, n), dot(times(f, h), p.Wh, n, 1), part(p.b, n, 1))), h),
    );
  },
  mgu2Cell: (p, { h }, x) => {
    const n = h.length;
    const f = sig(dot(h, p.Wh, n, 0));
    return only(mix(f, tanh(sum(dot(x, p.Wx, n), dot(times(f, h), p.Wh, n, 1), p.b)), h));
  },
  mgu3Cell: (p, { h }, x) => {
    const n = h.length;
    const f = sig(part(p.b, n, 0));
    return only(mix(f, tanh(sum(dot(x, p.Wx, n), dot(times(f, h), p.Wh, n), part(p.b, n, 1))), h));
  },
  sguCell: (p, { h }, x) => {
    const n = h.length;
    const g = tanh(sum(dot(times(inputs(p, x, n, 0), h), p.Wh, n, 0), p.bn));
    const out = times(g, h).map((v) => Math.log(1 + Math.exp(v)));
    return only(mix(full(p, h, x, 1).map(hard), out, h));
  },
  dsguCell: (p, { h }, x) => {
    const n = h.length;
    const g = tanh(sum(dot(times(inputs(p, x, n, 0), h), p.Wh, n, 0), p.bn));
    return only(mix(full(p, h, x, 1).map(hard), sig(dot(times(g, h), p.Wo, n)), h));
  },
  tauGruCell: (p, { h, past }, x) => {
    const n = h.length;
    const late = tanh(sum(inputs(p, x, n, 1), dot(past.slice(0, n), p.Wh, n, 1)));
    const now = tanh(full(p, h, x, 0));
    const y = mix(sig(full(p, h, x, 2)), sum(now, times(sig(full(p, h, x, 3)), late)), h);
    return { next: { h: y, past: [...past.slice(n), ...h] }, y };
  },
  residualLstmCell: (p, { h, c }, x) => {
    const n = h.length;
    const see = (k: number, v: Vector): number[] => times(part(p.u, n, k), v);
    const [i, f] = [0, 1].map((k) => sig(sum(full(p, h, x, k), see(k, c))));
    const next = sum(times(f, c), times(i, tanh(full(p, h, x, 2))));
    const o = sig(sum(full(p, h, x, 3), see(2, next)));
    const y = times(o, sum(dot(tanh(next), p.Wp, n), dot(x, p.Wr, n)));
    return { next: { h: y, c: next }, y };
  },
  elementwiseLstmCell: (p, { c }, x) => {
    const n = c.length;
    const own = (k: number): number[] => sum(inputs(p, x, n, k), times(part(p.u, n, k), c));
    const next = mix(sig(own(0)), c, tanh(own(1)));
    return { next: { c: next }, y: times(sig(sum(inputs(p, x, n, 2), dot(next, p.Wo, n))), next) };
  },
  lipschitzRnnCell: (p, { h }, x) => {
    const n = h.length;
    // h·S(M) of the k-th matrix, element by element as in the paper.
    const along = (k: number): number[] =>
      h.map((_, j) =>
        h.reduce((s, v, i) => {
          const [m, t] = [p.Wh[i][k * n + j], p.Wh[j][k * n + i]];
          return s + v * (0.7 * (m - t) + (1 - 0.7) * (m + t) - (i === j ? 0.001 : 0));
        }, 0),
      );
    const bent = tanh(sum(dot(x, p.Wx, n), along(1), p.b));
    return only(each((s, a, v) => s + 0.1 * a + 0.1 * v, h, along(0), bent));
  },
  plRnnCell: (p, { h }, x) => {
    const others = h.map((_, j) =>
      h.reduce((s, v, i) => s + (i === j ? 0 : relu(v) * p.Wh[i][j]), 0),
    );
    return only(sum(times(p.u, h), others, dot(x, p.Wx, h.length), p.b));
  },
  shufflingRnnCell: (p, { h }, x) => {
    const n = h.length;
    const hidden = sum(dot(x, p.W1, p.b1.length), p.b1).map(relu);
    const drive = times(sum(dot(hidden, p.W2, n), p.b2), sig(sum(dot(x, p.Wx, n), p.b)));
    return only(h.map((_, j) => relu(h[(j + n - 1) % n] + drive[j])));
  },
  liGruCell: (p, { h }, x) => only(mix(sig(full(p, h, x, 0)), h, full(p, h, x, 1).map(relu))),
  lightRuCell: (p, { h }, x) => {
    const n = h.length;
    const f = sig(sum(dot(x, p.Wx, n, 1), dot(h, p.Wh, n), p.b));
    return only(mix(f, tanh(dot(x, p.Wx, n, 0)), h));
  },
  minimalRnnCell: (p, { h }, x) => {
    const n = h.length;
    const z = tanh(sum(dot(x, p.Wx, n), p.bz));
    return only(mix(sig(sum(dot(h, p.Wh, n), dot(z, p.Wz, n), p.bu)), h, z));
  },
  starCell: (p, { h }, x) => {
    const n = h.length;
    const k = sig(sum(inputs(p, x, n, 1), dot(h, p.Wh, n)));
    return only(tanh(mix(k, tanh(inputs(p, x, n, 0)), h)));
  },
  sgrnCell: (p, { h }, x) => {
    const z = dot(x, p.Wx, h.length);
    const f = sig(sum(z, dot(h, p.Wh, h.length), p.b));
    return only(tanh(mix(f, h, z)));
  },
  mut1Cell: (p, { h }, x) => {
    const n = h.length;
    const z = sig(inputs(p, x, n, 0));
    const r = sig(sum(inputs(p, x, n, 1), dot(h, p.Wh, n, 0)));
    const a = sum(dot(times(r, h), p.Wh, n, 1), tanh(dot(x, p.Wx, n, 2)), part(p.b, n, 2));
    return only(mix(z, tanh(a), h));
  },
  mut2Cell: (p, { h }, x) => {
    const n = h.length;
    const r = sig(full(p, h, x, 1));
    const a = tanh(sum(inputs(p, x, n, 2), dot(times(r, h), p.Wh, n, 2)));
    return only(mix(sig(full(p, h, x, 0)), a, h));
  },
  mut3Cell: (p, { h }, x) => {
    const n = h.length;
    const z = sig(sum(inputs(p, x, n, 0), dot(tanh(h), p.Wh, n, 0)));
    const r = sig(full(p, h, x, 1));
    const a = tanh(sum(inputs(p, x, n, 2), dot(times(r, h), p.Wh, n, 2)));
    return only(mix(z, a, h));
  },
  ugrnnCell: (p, { h }, x) => only(mix(sig(full(p, h, x, 1)), h, tanh(full(p, h, x, 0)))),
  intersectionRnnCell: (p, { h }, x) => {
    const y = mix(sig(full(p, h, x, 2)), x, full(p, h, x, 0).map(relu));
    return { next: { h: mix(sig(full(p, h, x, 3)), h, tanh(full(p, h, x, 1))) }, y };
  },
  indRnnCell: (p, { h }, x) => only(sum(dot(x, p.Wx, h.length), times(p.u, h), p.b).map(relu)),
  brCell: (p, { h }, x) => {
    const n = h.length;
    const a = tanh(sum(inputs(p, x, n, 0), times(part(p.u, n, 0), h))).map((v) => 1 + v);
    const c = sig(sum(inputs(p, x, n, 1), times(part(p.u, n, 1), h)));
    return only(mix(c, h, tanh(sum(inputs(p, x, n, 2), times(a, h)))));
  },
  nbrCell: (p, { h }, x) => {
    const n = h.length;
    const a = tanh(full(p, h, x, 0)).map((v) => 1 + v);
    return only(mix(sig(full(p, h, x, 1)), h, tanh(sum(inputs(p, x, n, 2), times(a, h)))));
  },
  miru1Cell: (p, { h }, x) => {
    const n = h.length;
    const r = sig(full(p, h, x, 0));
    const a = tanh(sum(inputs(p, x, n, 1), dot(times(r, h), p.Wh, n, 1)));
    return only(each((s, v) => 0.5 * s + 0.5 * v, h, a));
  },
  miru2Cell: (p, { h }, x) => {
    const n = h.length;
    const a = tanh(
      sum(
        inputs(p, x, n, 0),
        dot(
          h.map((v) => 0.5 * v),
          p.Wh,
          n,
        ),
      ),
    );
    return only(each((s, v) => 0.5 * s + 0.5 * v, h, a));
  },
  antisymmetricRnnCell: (p, { h }, x) => {
    const turned = h.map((_, j) => h.reduce((s, v, k) => s + v * (p.Wh[k][j] - p.Wh[j][k]), 0));
    const a = sum(
      inputs(p, x, h.length, 0),
      turned,
      h.map((v) => -0.1 * v),
    );
    return only(each((s, v) => s + 0.3 * Math.tanh(v), h, a));
  },
  gatedAntisymmetricRnnCell: (p, { h }, x) => {
    const turned = h.map((_, j) => h.reduce((s, v, k) => s + v * (p.Wh[k][j] - p.Wh[j][k]), 0));
    const a = sum(
      turned,
      h.map((v) => -0.1 * v),
    );
    const [z, n] = [0, 1].map((i) => sum(inputs(p, x, h.length, i), a));
    return only(each((s, g, v) => s + 0.3 * σ(g) * Math.tanh(v), h, z, n));
  },
  cornnCell: (p, { h, z }, x) => {
    const n = h.length;
    const a = tanh(sum(inputs(p, x, n, 0), dot(h, p.Wh, n), dot(z, p.Wz, n)));
    const v = each((w, f, s) => w + 0.05 * (f - s - w), z, a, h);
    const y = each((s, w) => s + 0.05 * w, h, v);
    return { next: { h: y, z: v }, y };
  },
  unicornnCell: (p, { h, z }, x) => {
    const pace = sig(p.c).map((v) => 0.05 * v);
    const a = tanh(sum(inputs(p, x, h.length, 0), times(p.u, h)));
    const v = each((w, d, f, s) => w - d * (f + s), z, pace, a, h);
    const y = each((s, d, w) => s + d * w, h, pace, v);
    return { next: { h: y, z: v }, y };
  },
  lemCell: (p, { h, z }, x) => {
    const n = h.length;
    const [d, e] = [0, 1].map((i) => sig(full(p, h, x, i)).map((v) => 0.5 * v));
    const slow = mix(d, tanh(full(p, h, x, 2)), z);
    const y = mix(e, tanh(sum(inputs(p, x, n, 3), dot(slow, p.Wz, n))), h);
    return { next: { h: y, z: slow }, y };
  },
  fastRnnCell: (p, { h }, x) =>
    only(each((s, v) => σ(p.alpha) * v + σ(p.beta) * s, h, tanh(full(p, h, x, 0)))),
  fastGrnnCell: (p, { h }, x) => {
    const a = sum(dot(x, p.Wx, h.length), dot(h, p.Wh, h.length));
    const [z, n] = [sig(sum(a, p.bz)), tanh(sum(a, p.bn))];
    return only(each((g, v, s) => (σ(p.zeta) * (1 - g) + σ(p.nu)) * v + g * s, z, n, h));
  },
  peepholeLstmCell: (p, { h, c }, x) => {
    const n = h.length;
    const see = (k: number, v: Vector): number[] => times(part(p.u, n, k), v);
    const [i, f] = [0, 1].map((k) => sig(sum(full(p, h, x, k), see(k, c))));
    const next = sum(times(f, c), times(i, tanh(full(p, h, x, 2))));
    const o = sig(sum(full(p, h, x, 3), see(2, next)));
    const y = times(o, tanh(next));
    return { next: { h: y, c: next }, y };
  },
  originalLstmCell: (p, { h, c }, x) => {
    const next = sum(c, times(sig(full(p, h, x, 0)), tanh(full(p, h, x, 1))));
    const y = times(sig(full(p, h, x, 2)), tanh(next));
    return { next: { h: y, c: next }, y };
  },
  janetCell: (p, { h }, x) => {
    const [s, g] = [full(p, h, x, 0), full(p, h, x, 1)];
    return only(each((a, b, v) => σ(a) * v + (1 - σ(a - 1)) * Math.tanh(b), s, g, h));
  },
  multiplicativeLstmCell: (p, { h, c }, x) => {
    const n = h.length;
    const m = times(dot(x, p.Wmx, n), dot(h, p.Wmh, n));
    const a = [0, 1, 2, 3].map((k) => sum(inputs(p, x, n, k), dot(m, p.Wh, n, k)));
    const next = sum(times(sig(a[1]), c), times(sig(a[0]), tanh(a[2])));
    const y = times(sig(a[3]), tanh(next));
    return { next: { h: y, c: next }, y };
  },
  wmcLstmCell: (p, { h, c }, x) => {
    const n = h.length;
    const see = (k: number, v: Vector): number[] => tanh(dot(v, p.Wc, n, k));
    const [i, f] = [0, 1].map((k) => sig(sum(full(p, h, x, k), see(k, c))));
    const next = sum(times(f, c), times(i, tanh(full(p, h, x, 2))));
    const y = times(sig(sum(full(p, h, x, 3), see(2, next))), tanh(next));
    return { next: { h: y, c: next }, y };
  },
  projectedLstmCell: (p, { h, c }, x) => {
    const n = c.length;
    const a = [0, 1, 2, 3].map((k) => sum(inputs(p, x, n, k), dot(h, p.Wh, n, k)));
    const next = sum(times(sig(a[1]), c), times(sig(a[0]), tanh(a[2])));
    const y = dot(times(sig(a[3]), tanh(next)), p.Wr, h.length);
    return { next: { h: y, c: next }, y };
  },
  mcLstmCell: (p, { v, c }, x) => {
    const a = [0, 1, 2, 3, 4].map((k) => full(p, v, x, k));
    const next = sum(times(sig(a[0]), c), times(sig(a[1]), tanh(a[4])));
    return {
      next: { v: times(sig(a[3]), tanh(next)), c: next },
      y: times(sig(a[2]), tanh(next)),
    };
  },
  nasCell: (p, { h, c }, x) => {
    const n = h.length;
    const a = [0, 1, 2, 3, 4, 5, 6, 7].map((k) => inputs(p, x, n, k));
    const m = [0, 1, 2, 3, 4, 5, 6, 7].map((k) => dot(h, p.Wh, n, k));
    const [next, y]: [number[], number[]] = [[], []];
    for (let j = 0; j < n; j++) {
      const s = (k: number): number => a[k][j] + m[k][j];
      const l = Math.tanh(σ(s(0)) * relu(s(1)));
      const k = Math.tanh(σ(s(2)) + relu(a[3][j] * m[3][j]));
      const q = Math.tanh(Math.tanh(s(4)) * σ(s(5)));
      const r = σ(Math.tanh(s(6)) + σ(s(7)));
      next.push(Math.tanh(l + c[j]) * k);
      y.push(Math.tanh(next[j] * Math.tanh(q + r)));
    }
    return { next: { h: y, c: next }, y };
  },
  rhnCell: (p, { h }, x) => {
    const n = h.length;
    let s: Vector = h;
    p.Wh.forEach((W: Matrix, l: number) => {
      const a = [0, 1].map((k) => {
        const own = sum(dot(s, W, n, k), part(p.b[l], n, k));
        return l === 0 ? sum(own, dot(x, p.Wx, n, k)) : own;
      });
      s = mix(sig(a[1]), tanh(a[0]), s);
    });
    return only(s);
  },
  scrnCell: (p, { h, s }, x) => {
    const n = h.length;
    const slow = each((v, a) => 0.95 * v + 0.05 * a, s, dot(x, p.Wx, n, 1));
    const fast = sig(sum(dot(x, p.Wx, n, 0), dot(slow, p.Ws, n, 0), dot(h, p.Wh, n, 0), p.b));
    return { next: { h: fast, s: slow }, y: sum(dot(fast, p.Wh, n, 1), dot(slow, p.Ws, n, 1)) };
  },
  multiplicativeRnnCell: (p, { h }, x) => {
    const n = h.length;
    const m = times(dot(x, p.Wmx, n), dot(h, p.Wmh, n));
    return only(tanh(sum(inputs(p, x, n, 0), dot(m, p.Wh, n))));
  },
  trnnCell: (p, { h }, x) => {
    const n = h.length;
    return only(mix(sig(sum(dot(x, p.Wx, n, 1), p.b)), h, dot(x, p.Wx, n, 0)));
  },
  tgruCell: (p, { h, x: last }, x) => {
    const n = h.length;
    const [z, f, o] = [0, 1, 2].map((k) => sum(inputs(p, x, n, k), dot(last, p.Wp, n, k)));
    const y = sum(times(sig(f), h), times(z, tanh(o)));
    return { next: { h: y, x }, y };
  },
  tlstmCell: (p, { c, x: last }, x) => {
    const n = c.length;
    const [z, f, o] = [0, 1, 2].map((k) => sum(inputs(p, x, n, k), dot(last, p.Wp, n, k)));
    const next = mix(sig(f), c, z);
    const y = times(next, tanh(o));
    return { next: { h: y, c: next, x }, y };
  },
};
