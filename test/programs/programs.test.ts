import { describe, expect, test } from "vitest";
import {
  compile,
  formatProgram,
  gather,
  grad,
  type InternalError,
  jvp,
  key,
  leaves,
  mapTree,
  matmul,
  memory,
  normal,
  parameter,
  type Program,
  type ProgramNode,
  relu,
  scan,
  setDefaultBackend,
  softmax,
  split,
  step,
  tensor,
  type Tensor,
  trace,
  uniform,
  valueAndGrad,
  verify,
  vmap,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { gruCell, lstmCell, softmaxCrossEntropy } from "@tapeloop/nn";
import { adam, chain, clipByGlobalNorm } from "@tapeloop/optim";

setDefaultBackend(ndarrayBackend);

/** The ops of a program, counted by name. */
function counts({ nodes }: Program): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { primitive } of nodes) found[primitive.name] = (found[primitive.name] ?? 0) + 1;
  return found;
}

const bits = (tree: object): string =>
  leaves(tree)
    .map((x) => Buffer.from(new Uint8Array(x.dataSync().buffer)).toString("hex"))
    .join();

/** The greatest difference between two trees, relative to the greatest element of each leaf. */
function difference(a: object, b: object): number {
  const others = leaves(b);
  const ofLeaf = (x: Tensor, i: number): number => {
    const [p, q] = [Array.from(x.dataSync()), others[i].dataSync()];
    const scale = Math.max(1e-300, ...p.map(Math.abs));
    return Math.max(0, ...p.map((v, k) => Math.abs(v - q[k]))) / scale;
  };
  return Math.max(0, ...leaves(a).map(ofLeaf));
}

describe("trace", () => {
  test("writes down what a function does", () => {
    const program = trace((x: Tensor, b: Tensor) => softmax(x.add(b)), zeros([2, 3]), zeros([3]));
    expect(formatProgram(program)).toMatchInlineSnapshot(`
      "program (x0: float32[2,3], x1: float32[3]) {
        x2: float32[2,3] = broadcastTo x1 shape=[2, 3]
        x3: float32[2,3] = add x0 x2
        x4: float32[2,1] = max x3 axes=[1]
        x5: float32[2,3] = broadcastTo x4 shape=[2, 3]
        x6: float32[2,3] = sub x3 x5
        x7: float32[2,3] = exp x6
        x8: float32[2,1] = sum x7 axes=[1]
        x9: float32[2,3] = broadcastTo x8 shape=[2, 3]
        x10: float32[2,3] = div x7 x9
        return x10
      }"
    `);
  });

  test("the gradient of a product is two products", () => {
    const f = (p: { a: Tensor; b: Tensor }): Tensor => matmul(p.a, p.b).sum();
    const program = trace(grad(f), { a: zeros([2, 3]), b: zeros([3, 4]) });
    expect(counts(program)["dotGeneral"]).toBe(2);
    expect(formatProgram(program)).toMatchInlineSnapshot(`
      "program (x0: float32[2,3], x1: float32[3,4]) {
        x2: float32[2,4] = fill shape=[2, 4] dtype=float32 value=1
        x3: float32[2,3] = dotGeneral x2 x1 batch=[[], []] contract=[[1], [1]]
        x4: float32[3,4] = dotGeneral x0 x2 batch=[[], []] contract=[[0], [0]]
        return x3, x4
      }"
    `);
  });

  test("the second derivative of x³ is 6x: grad of grad is traced like anything else", () => {
    const cube = (x: Tensor): Tensor => x.mul(x).mul(x);
    const second = compile((x: Tensor) => grad((y: Tensor) => grad(cube)(y))(x));
    expect(second(tensor(5)).item()).toBe(30);
  });

  test("does equal ops once, and leaves out what nobody reads", () => {
    const program = trace(
      (x: Tensor) => {
        x.exp().sum();
        return x.tanh().add(x.tanh()).neg().neg().permute([1, 0]).permute([1, 0]);
      },
      zeros([2, 3]),
    );
    expect(counts(program)).toEqual({ tanh: 1, add: 1 });
  });

  test("a value that is read, such as for an if, is refused with the remedy", () => {
    const f = (x: Tensor): Tensor => (x.sum().item() > 0 ? x : x.neg());
    expect(() => trace(f, zeros([2]))).toThrowErrorMatchingInlineSnapshot(
      `[TracingError: trace: a value is not known while a program is being written, got float32[]. Use where() or cond() in place of if, or return it and read it outside of compile().]`,
    );
    const drawn = (x: Tensor): Tensor => x.mul(uniform([2]));
    expect(() => trace(drawn, zeros([2]))).toThrowErrorMatchingInlineSnapshot(
      `[TracingError: random: inside of compile() a key must be given, got none. Make keys an argument of the compiled function.]`,
    );
    const w = parameter(2);
    expect(() => trace((x: Tensor) => x.mul(w), zeros([]))).toThrowErrorMatchingInlineSnapshot(
      `[TracingError: trace: a parameter changes, so it must be an argument of the function, got a parameter of float32[] from around it. Pass parameter.value, and assign what comes back.]`,
    );
  });

  test("shape errors are those of the ops", () => {
    const f = (x: Tensor): Tensor => matmul(x, x);
    expect(() => trace(f, zeros([2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: matmul: inner axes must agree, got float32[2,3] and float32[2,3] (3 ≠ 2). Did you mean transpose(b)?]`,
    );
  });
});

/** The node with outputs of a type that its rule does not give. */
function withWrongType({ outputs, ...node }: ProgramNode): ProgramNode {
  const wrong = outputs.map(({ id }) => ({ id, type: { shape: [9], dtype: "float32" as const } }));
  return { ...node, outputs: wrong };
}

describe("verify", () => {
  const program = trace((x: Tensor) => x.exp().add(x), zeros([2]));
  const broken: Record<string, Program> = {
    "an op that reads what is made later": { ...program, nodes: program.nodes.toReversed() },
    "a variable that is made twice": { ...program, nodes: [...program.nodes, ...program.nodes] },
    "an output that nobody makes": { ...program, nodes: [] },
    "a type that the rule does not give": {
      ...program,
      nodes: program.nodes.map(withWrongType),
    },
  };
  for (const [name, wrong] of Object.entries(broken)) {
    test(`refuses ${name}`, () => {
      expect(() => verify(wrong)).toThrow(
        expect.objectContaining({ code: "internal" }) as InternalError,
      );
    });
  }
});

describe("compile", () => {
  const random = (shape: number[], seed: number): Tensor =>
    normal(shape, { key: key(seed), dtype: "float64" });

  const functions: Record<string, readonly [(...xs: Tensor[]) => object, ...Tensor[]]> = {
    "views and reductions": [
      (x) =>
        x
          .transpose()
          .slice([{ step: -1 }])
          .mean({ axes: 0 })
          .mul(x.max({ axes: 1 })),
      random([3, 3], 1),
    ],
    "several results": [(x) => split(x.relu(), 3).map((y) => y.square()), random([2, 6], 2)],
    "gradients in both directions": [
      (x, v) => [grad((y: Tensor) => y.tanh().mul(y).sum())(x), jvp(relu, x, v).tangent],
      random([4], 3),
      random([4], 4),
    ],
    "vmap of a gradient": [
      vmap((x: Tensor) => grad((y: Tensor) => y.exp().sum())(x)),
      random([3, 2], 5),
    ],
    "a constant from around": [
      (
        (w) => (x: Tensor) =>
          x.mul(w).add(1)
      )(random([3], 6)),
      random([3], 7),
    ],
    "an argument that is handed through": [(x) => [x, x.add(0)], random([3], 8)],
  };
  for (const [name, [f, ...xs]] of Object.entries(functions)) {
    test(`${name}: the bits are those of the eager run`, () => {
      const compiled = compile(f);
      expect(bits(compiled(...xs))).toBe(bits(f(...xs)));
      const others = xs.map((x) => x.mul(0.5).add(0.25));
      expect(bits(compiled(...others))).toBe(bits(f(...others)));
    });
  }

  for (const cell of [lstmCell(3, 4, { dtype: "float64" }), gruCell(3, 4, { dtype: "float64" })]) {
    test(`whole training steps of a recurrent model (${"c" in cell.initialState(1) ? "lstm" : "gru"}) are the eager ones to rounding`, () => {
      const optimizer = chain(clipByGlobalNorm(0.1), adam({ learningRate: 0.1 }));
      const xs = random([5, 2, 3], 9);
      const labels = tensor(Int32Array.of(0, 1, 2, 3, 0, 1, 2, 3, 1, 1), { shape: [5, 2] });
      const loss = valueAndGrad((p: object) => {
        const [, ys] = scan(cell.step as never, p, cell.initialState(2), xs);
        return softmaxCrossEntropy(ys as Tensor, labels);
      });
      const train = ({ params, state }: { params: object; state: object }) => {
        const { value, grads } = loss(params);
        return { ...optimizer.update(grads, state, params), value };
      };
      const start = (): { params: object; state: object } => {
        const params = cell.init(key(0));
        return { params, state: optimizer.init(params) };
      };
      const compiled = compile(train);
      let [a, b] = [start(), start()];
      for (let i = 0; i < 5; i++) [a, b] = [train(a), compiled(b)];
      expect(difference(a, b)).toBeLessThan(1e-10);
    });
  }

  test("traces once for each structure and set of types, and other arguments by their values", () => {
    let traces = 0;
    const f = compile((x: { a: Tensor }, k: number) => {
      traces++;
      return x.a.mul(k);
    });
    expect(f({ a: tensor([1, 2]) }, 3).toArray()).toEqual([3, 6]);
    expect(f({ a: tensor([5, 6]) }, 3).toArray()).toEqual([15, 18]);
    expect(traces).toBe(1);
    expect(f({ a: tensor([1]) }, 3).toArray()).toEqual([3]);
    expect(f({ a: tensor([1]) }, 4).toArray()).toEqual([4]);
    expect(traces).toBe(3);
    expect(() => compile((g: () => number) => g())(() => 1)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: compile: arguments are tensors, trees of tensors, numbers, strings and booleans, got a function at "[0]". Take it from around the function.]`,
    );
  });

  test("inside of a derivative or of vmap it is the function itself", () => {
    const f = compile((x: Tensor) => x.mul(x).sum());
    expect(grad(f)(tensor([1, 2])).toArray()).toEqual([2, 4]);
    expect(
      vmap(f)(
        tensor([
          [1, 2],
          [3, 4],
        ]),
      ).toArray(),
    ).toEqual([5, 25]);
    const w = parameter(3);
    f(w.value).backward();
    expect(w.grad?.item()).toBe(6);
  });

  test("errors at run time are those of the eager run", () => {
    const f = (x: Tensor, i: Tensor): Tensor => gather(x.add(1), i);
    const compiled = compile(f);
    const at = (i: number): Tensor => tensor([i], { dtype: "int32" });
    expect(compiled(zeros([3]), at(2)).toArray()).toEqual([1]);
    expect(() => compiled(zeros([3]), at(3))).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: gather: indices along axis 0 must be in [0, 3), got 3 at place 0. Indices count from 0.]`,
    );
  });

  test("1,000 compiled steps keep buffers and bytes constant", () => {
    const update = compile((w: Tensor) => w.sub(grad((v: Tensor) => v.square().sum())(w).mul(0.1)));
    let w = step(tensor([1, 2, 3]), update);
    const before = memory();
    for (let i = 0; i < 1000; i++) w = step(w, update);
    expect({ ...memory(), allocations: 0 }).toEqual({ ...before, allocations: 0 });
  });

  test("keeps trees as they are, with what is not a tensor", () => {
    const f = compile((p: { w: Tensor }) => ({
      q: mapTree((x) => x.add(1), p),
      note: "n",
      list: [1],
    }));
    const result = f({ w: tensor([1]) });
    expect(result.q.w.toArray()).toEqual([2]);
    expect([result.note, result.list]).toEqual(["n", [1]]);
  });
});
