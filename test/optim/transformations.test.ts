/** @file Transformations of gradients, and clipping on the way through time. */
import {
  abs,
  compile,
  eye,
  grad,
  key,
  matmul,
  max,
  mean,
  normal,
  scan,
  setDefaultBackend,
  sub,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  addDecayedWeights,
  addGradientNoise,
  centralizeGradients,
  clipAdaptively,
  clipByNorm,
  clipByValue,
  clipCotangents,
  descent,
  hessianDiagonal,
  leafwise,
  momentum,
  orthogonalizeGradients,
  piecewiseConstant,
  scaleByTrustRatio,
  type Transformation,
} from "@tapeloop/optim";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

/** One transformation of the gradients of one tensor, at a parameter. */
function once(transformation: Transformation, g: Tensor, x = g): Tensor {
  const params = { x };
  return transformation.transform({ x: g }, transformation.init(params), params).grads.x;
}

describe("clipping", () => {
  test("by value and by norm does not hide NaN", () => {
    expect(once(clipByValue(1), tensor([NaN, 5])).toArray()).toEqual([NaN, 1]);
    expect(once(clipByNorm(1), tensor([NaN, 5])).toArray()).toEqual([NaN, NaN]);
  });

  test("leaves what is small as it is, also zeros", () => {
    const small = tensor([
      [0.25, -0.5],
      [0, 0],
    ]); // two rows
    for (const clip of [clipByValue(1), clipByNorm(1), clipAdaptively({ ratio: 1 })]) {
      expect(
        once(
          clip,
          small,
          tensor([
            [1, 1],
            [1, 1],
          ]),
        ).toArray(),
      ).toEqual(small.toArray());
    }
  });

  test("adapts to the columns of a matrix, and to vectors and numbers as a whole", () => {
    const clip = clipAdaptively({ ratio: 0.5 });
    const W = tensor([
      [3, 0],
      [4, 0],
    ]);
    expect(
      once(
        clip,
        tensor([
          [6, 6],
          [8, 8],
        ]),
        W,
      ).toArray(),
    ).toEqual([
      [1.5, expect.closeTo(0.0003, 8)],
      [2, expect.closeTo(0.0004, 8)],
    ]);
    expect(once(clip, tensor([6, 8]), tensor([3, 4])).toArray()).toEqual([1.5, 2]);
    expect(once(clip, tensor(-8), tensor(2)).item()).toBe(-1);
  });
});

describe("momentum", () => {
  test("may follow a schedule", () => {
    const transformation = momentum(piecewiseConstant({ boundaries: [1, 2], values: [0, 0.5, 0] }));
    const g = { w: tensor([4]) };
    let state = transformation.init(g);
    const seen: number[] = [];
    for (let i = 0; i < 3; i++) {
      const next = transformation.transform(g, state, g);
      state = next.state;
      seen.push(next.grads.w.item());
    }
    expect(seen).toEqual([4, 6, 4]);
  });
});

describe("addDecayedWeights", () => {
  test("leaves gradients of other parameters as they are", () => {
    const params = { W: tensor([[2]]), b: tensor([2]) };
    const grads = { W: tensor([[1]]), b: tensor([1]) };
    const decay = addDecayedWeights(0.5, { decayed: (_, x) => x.rank > 1 });
    const changed = decay.transform(grads, {}, params).grads;
    expect(changed.W.item()).toBe(2);
    expect(changed.b).toBe(grads.b);
  });
});

describe("addGradientNoise", () => {
  const noise = addGradientNoise({ key: key(3), variance: 4, decay: 1 });
  const grads = { a: zeros([4000]), b: zeros([4000], { dtype: "float64" }) };

  test("has the variance of the paper, falling, new at every update and for every parameter", () => {
    let state = noise.init(grads);
    let before = grads.a;
    for (const variance of [4, 2, 4 / 3]) {
      const next = noise.transform(grads, state, grads);
      state = next.state;
      for (const x of [next.grads.a, next.grads.b]) {
        expect(mean(x.square()).item() / variance).toBeCloseTo(1, 0.9);
        expect(Math.abs(mean(x).item())).toBeLessThan(0.1);
      }
      expect(next.grads.b.dtype).toBe("float64");
      expect(Math.abs(mean(next.grads.a.mul(next.grads.b)).item())).toBeLessThan(0.2);
      expect(Math.abs(mean(next.grads.a.mul(before)).item())).toBeLessThan(0.2);
      before = next.grads.a;
    }
  });

  test("is the same from the same key", () => {
    const [a, b] = [1, 2].map(() => noise.transform(grads, noise.init(grads), grads).grads.a);
    expect(a.dataSync()).toEqual(b.dataSync());
  });
});

describe("scaleByTrustRatio", () => {
  test("leaves gradients as they are where they or the parameter are 0", () => {
    expect(once(scaleByTrustRatio(), tensor([2]), tensor([0])).item()).toBe(2);
    expect(once(scaleByTrustRatio(), tensor([0]), tensor([3])).item()).toBe(0);
    // A product of the squares would be 0 in float32.
    expect(once(scaleByTrustRatio(), tensor([1e-15]), tensor([1e-15])).item()).toBeCloseTo(
      1e-15,
      20,
    );
  });
});

describe("orthogonalizeGradients", () => {
  test.each([
    [3, 3],
    [2, 5],
    [5, 2],
  ])("has singular values near 1 for %i × %i", (m, n) => {
    const o = once(orthogonalizeGradients(), normal([m, n], { key: key(m), dtype: "float64" }));
    const scaled = o.div(Math.sqrt(Math.max(1, n / m)));
    const gram = m < n ? matmul(scaled, transpose(scaled)) : matmul(transpose(scaled), scaled);
    const unit = eye(Math.min(m, n), { dtype: "float64" });
    expect(max(abs(sub(gram, unit))).item()).toBeLessThan(0.6);
  });

  test("refuses what is no matrix", () => {
    expect(() => once(orthogonalizeGradients(), tensor([1, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: orthogonalizeGradients: takes matrices, got float32[2]. Use partition() to treat other parameters in another way.]`,
    );
  });
});

describe("centralizeGradients", () => {
  test("takes the mean over all axes but the last, for tensors of any rank", () => {
    const g = normal([2, 3, 4], { key: key(0) });
    const sums = once(centralizeGradients(), g).sum({ axes: [0, 1] });
    expect(max(abs(sums)).item()).toBeLessThan(1e-5);
    expect(once(centralizeGradients(), tensor(3)).item()).toBe(3);
  });
});

describe("clipCotangents", () => {
  /** h′ = a h for 6 steps; clipped before each step back. */
  const last =
    (options: { value: number } | { norm: number }) =>
    (h: Tensor): Tensor =>
      scan(
        (a: Tensor, s: { h: Tensor }) => [{ h: clipCotangents(s, options).h.mul(a) }, null],
        tensor(2),
        { h },
        null,
        { length: 6 },
      )[0].h.sum();

  test("leaves values as they are", () => {
    expect(last({ value: 0.1 })(tensor([[1, 2]])).item()).toBe(192);
  });

  test("clips at every step back through time, by value", () => {
    const g = grad(last({ value: 3 }))(tensor([[1, 2]]));
    expect(g.toArray()).toEqual([[3, 3]]);
  });

  test("clips the state of each example by its norm", () => {
    const f = (h: Tensor): Tensor =>
      clipCotangents(h, { norm: 5 })
        .mul(
          tensor([
            [30, 40],
            [0.3, 0.4],
          ]),
        )
        .sum();
    const [long, short] = grad(f)(zeros([2, 2])).toArray() as number[][];
    expect(long).toEqual([expect.closeTo(3, 5), expect.closeTo(4, 5)]);
    expect(short).toEqual([Math.fround(0.3), Math.fround(0.4)]);
    expect(grad((x: Tensor) => clipCotangents(x, { norm: 2 }).mul(9))(tensor(1)).item()).toBe(2);
  });

  test("does the same in a compiled scan, which is one op", () => {
    for (const options of [{ value: 3 }, { norm: 2.5 }]) {
      const gradient = grad(last(options));
      const h = tensor([[1, 2]]);
      expect(compile(gradient)(h).dataSync()).toEqual(gradient(h).dataSync());
    }
  });

  test("takes exactly one of its options", () => {
    expect(() => clipCotangents(tensor(1), {})).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: clipCotangents: clips by value or by norm, got neither. Write { value: 1 } or { norm: 1 }.]`,
    );
    expect(() =>
      clipCotangents(tensor(1), { value: 1, norm: 1 }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: clipCotangents: clips by value or by norm, got both. Write { value: 1 } or { norm: 1 }.]`,
    );
    expect(() => clipCotangents(tensor(1), { value: -1 })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: clipCotangents: value is a finite number above 0, got -1.]`,
    );
  });
});

describe("hessianDiagonal", () => {
  test("has the diagonal of the Hessian for its mean over keys", () => {
    const H = tensor(
      [
        [2, 1],
        [1, 5],
      ],
      { dtype: "float64" },
    );
    const loss = (x: Tensor): Tensor => matmul(x, matmul(H, x)).mul(0.5);
    const at = tensor([1, 1], { dtype: "float64" });
    const estimates = [0, 1, 2, 3, 4, 5, 6, 7].map((k) =>
      hessianDiagonal(loss, at, key(k)).toArray(),
    );
    // With two signs the products beside the diagonal are 1 or −1.
    expect(new Set(estimates.map(String))).toEqual(new Set(["3,6", "1,4"]));
  });
});

describe("leafwise", () => {
  test("hands the parameter, what is kept and numbers of the update to the rule", () => {
    const counted = leafwise({
      slots: { last: (x) => x },
      numbers: (t) => t,
      next: (g, { last: x0 }, t, x) => ({ last: g, direction: x0.add(x.mul(10)).add(t.mul(100)) }),
    });
    const params = { w: tensor([3], { dtype: "float64" }) };
    const optimizer = descent(1, counted);
    const grads = { w: tensor([2], { dtype: "float64" }) };
    const first = optimizer.update(grads, optimizer.init(params), params);
    expect(String(first.params.w)).toBe("float64[1] [-130]");
    const second = optimizer.update(grads, first.state, first.params);
    // −130 − (2 + 10 · −130 + 200)
    expect(second.params.w.item()).toBe(968);
    expect(second.state).toMatchObject([{ step: {}, last: {} }, { step: {} }]);
  });
});
