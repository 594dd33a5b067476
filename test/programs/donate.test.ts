/** @file Donated arguments: a training step that holds no second copy of what it updates. */
import {
  compile,
  cumsum,
  grad,
  key,
  leaves,
  mapTree,
  memory,
  ndarrayBackend,
  normal,
  scan,
  setDefaultBackend,
  tensor,
  type Tensor,
  valueAndGrad,
  wasmBackend,
  zeros,
} from "tapeloop";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { LinearMemory } from "../../packages/backend-wasm/src/memory.ts";
import { lstmCell } from "@tapeloop/nn";
import { adam } from "@tapeloop/optim";
import { beforeAll, describe, expect, test, vi } from "vitest";

const wasm = wasmBackend();
const gpu = await gpuBackend({ mode: "cpu", elsewhere: ndarrayBackend });
const cell = lstmCell(5, 7);
const optimizer = adam({ learningRate: 0.05 });
const start = () => {
  const params = cell.init(key(0));
  return { params, state: optimizer.init(params) };
};
type Model = ReturnType<typeof start>;
const loss = valueAndGrad((p: Model["params"], x: Tensor) =>
  scan(cell.step, p, cell.initialState(3), x)[1].square().mean(),
);
const train = ({ params, state }: Model, x: Tensor): Model =>
  optimizer.update(loss(params, x).grads, state, params);
const bytesOf = (tree: object): number => leaves(tree).reduce((sum, x) => sum + 4 * x.size, 0);

describe.each([
  ["ndarray", ndarrayBackend],
  ["wasm", wasm],
  ["gpu", gpu],
] as const)("compile with donate on %s", (_, backend) => {
  beforeAll(() => setDefaultBackend(backend as never));

  test("trains to the same bits, and holds what it held", () => {
    const x = normal([4, 3, 5], { key: key(1) });
    const [plain, donating] = [compile(train), compile(train, { donate: [0] })];
    let [a, b] = [start(), start()];
    let before = memory();
    for (let i = 0; i < 10; i++) {
      // The first step makes the constants of the program.
      if (i === 1) before = memory();
      const next = plain(a, x);
      leaves(a).forEach((t) => t.dispose());
      a = next;
      b = donating(b, x);
    }
    expect(memory()).toMatchObject({ buffers: before.buffers, bytes: before.bytes });
    leaves(b).forEach((t, i) => expect(t.dataSync()).toEqual(leaves(a)[i].dataSync()));
  });

  test("a donated tensor is gone, one that another looks at leaves it its memory", () => {
    const step = compile((w: Tensor) => w.mul(2).add(1), { donate: [0] });
    const [w, x] = [tensor([1, 2, 3]), tensor([[1, 2]])];
    expect(step(w).toArray()).toEqual([3, 5, 7]);
    expect(() => w.add(1)).toThrowErrorMatchingInlineSnapshot(
      `[DisposedError: tensor: a tensor that was donated may not be used after the call, got float32[3], given away to a function made by compile(…, { donate }). Use what the function returned, or leave this argument out of donate.]`,
    );
    const view = x.reshape([2]);
    expect(step(x).toArray()).toEqual([[3, 5]]);
    expect([x.isDisposed, view.toArray()]).toEqual([true, [1, 2]]);
    expect(() => x.neg()).toThrow("a tensor that was donated may not be used after the call");
    const turned = normal([3, 2], { key: key(2) }).transpose();
    const wanted = turned.mul(2).add(1).toArray();
    expect(step(turned).toArray()).toEqual(wanted);
  });

  test("results may be donated inputs, of other layouts and sizes, and read again later", () => {
    const f = (p: { a: Tensor; b: Tensor; c: Tensor }, x: Tensor) => ({
      a: p.a.transpose().add(p.a),
      b: p.a.add(p.b),
      same: p.c,
      late: p.b
        .sum()
        .add(p.a.mul(x))
        .add(cumsum(p.b, { axis: 0 })),
      mixed: p.a.matmul(p.b).add(p.a),
    });
    const make = () => ({
      a: normal([5, 5], { key: key(3) }),
      b: normal([5, 5], { key: key(4) }),
      c: normal([3], { key: key(5) }),
    });
    const x = tensor(2);
    const [wanted, found] = [compile(f)(make(), x), compile(f, { donate: [0] })(make(), x)];
    leaves(found).forEach((t, i) => expect(t.dataSync()).toEqual(leaves(wanted)[i].dataSync()));
  });

  test("the same tensors at two places, and inside of a derivative nothing is given away", () => {
    const add = compile((p: { a: Tensor; b: Tensor }) => mapTree((t) => t.add(p.a), p), {
      donate: [0],
    });
    const a = tensor([1, 2]);
    const { a: first, b: second } = add({ a, b: a });
    expect([first.toArray(), second.toArray(), a.isDisposed]).toEqual([[2, 4], [2, 4], true]);
    const square = compile((w: Tensor) => w.square().sum(), { donate: [0] });
    const w = tensor([1, 2]);
    expect([grad(square)(w).toArray(), w.isDisposed]).toEqual([[2, 4], false]);
  });
});

describe("on WebAssembly", () => {
  beforeAll(() => setDefaultBackend(wasm));

  test("a step takes no memory for parameters and optimizer state", () => {
    const x = normal([4, 3, 5], { key: key(1) });
    const asked = (options: { donate?: number[] }): number => {
      const step = compile(train, options);
      const next = step(start(), x);
      const spy = vi.spyOn(LinearMemory.prototype, "allocate");
      step(next, x);
      const bytes = spy.mock.calls.reduce((sum, [size]) => sum + size, 0);
      spy.mockRestore();
      return bytes;
    };
    // And what a step asks for is what the step before gave back: the memory never grows.
    const step = compile(train, { donate: [0] });
    let model = step(step(start(), x), x);
    const grow = vi.spyOn(WebAssembly.Memory.prototype as { grow: (n: number) => number }, "grow");
    const before = memory();
    for (let i = 0; i < 200; i++) model = step(model, x);
    expect(grow).not.toHaveBeenCalled();
    grow.mockRestore();
    // Results are where the arguments were: not one allocation.
    expect(memory()).toEqual(before);
    const { params, state } = start();
    // The count of steps is a number and computed for itself.
    const all = bytesOf(params) + bytesOf(state);
    expect(asked({}) - asked({ donate: [0] })).toBeGreaterThanOrEqual(all - 8);
  });
});

test("what is handed on is counted once, whatever looks at it, and as large as it is", () => {
  setDefaultBackend(wasm);
  const f = compile((x: Tensor) => ({ whole: x, row: x.slice([{ stop: 1 }]), sum: x.sum() }), {
    donate: [0],
  });
  const x = zeros([2, 3]);
  const before = memory();
  const results = f(x);
  const { buffers, bytes, allocations } = before;
  expect(memory()).toEqual({
    buffers: buffers + 1,
    bytes: bytes + 4,
    allocations: allocations + 1,
  });
  leaves(results).forEach((y) => y.dispose());
  expect(memory()).toMatchObject({ buffers: buffers - 1, bytes: bytes - 24 });
});

test("refuses what it cannot give away", () => {
  setDefaultBackend(ndarrayBackend);
  const f = compile((a: Tensor, b: Tensor) => a.add(b), { donate: [0] });
  const x = zeros([2]);
  expect(() => f(x, x)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: compile: a tensor that is donated may not be part of another argument, got float32[2]. Copy it, or donate both arguments.]`,
  );
  expect(() => compile((y: Tensor) => y, { donate: [-1] })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: compile: donate lists arguments by their places, from 0, got -1. Write { donate: [0] }.]`,
  );
  expect(() => compile((y: Tensor) => y, { donate: 0 as never })).toThrow(
    "donate lists arguments by their places, from 0, got 0.",
  );
  const wrong = { donated: [0] } as object;
  expect(() => compile((y: Tensor) => y, wrong)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: compile: options are donate, got "donated". Remove or correct it.]`,
  );
});
