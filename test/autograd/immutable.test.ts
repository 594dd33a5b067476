import { grad, parameter, setDefaultBackend, tensor, type Tensor } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeEach, describe, expect, test } from "vitest";

beforeEach(() => setDefaultBackend(ndarrayBackend));

describe("nothing that somebody holds changes a tensor", () => {
  test("not the array that it was made from", () => {
    const source = Float32Array.of(1, 2);
    const x = tensor(source);
    source[0] = 9;
    expect(x.toArray()).toEqual([1, 2]);
    const nested = [[1], [2]];
    const y = tensor(nested);
    nested[0][0] = 9;
    expect(y.toArray()).toEqual([[1], [2]]);
  });

  test("not the arrays that were read from it", async () => {
    const x = tensor([1, 2]);
    x.dataSync()[0] = 9;
    (await x.data())[0] = 9;
    (x.toArray() as number[])[0] = 9;
    expect(x.toArray()).toEqual([1, 2]);
    // A view too: it looks at the memory of x.
    x.reshape([2, 1]).dataSync()[0] = 9;
    expect(x.toArray()).toEqual([1, 2]);
  });

  test("not an assignment to the parameter whose value it is", () => {
    const w = parameter(tensor([1, 2]));
    const before = w.value;
    const loss = w.mul(w).sum();
    w.assign(tensor([10, 20]));
    expect(before.toArray()).toEqual([1, 2]);
    // The tape was written with the old value, and reads it.
    loss.backward();
    expect(w.grad?.toArray()).toEqual([2, 4]);
  });

  test("not the shape array that was handed in, nor a gradient taken before", () => {
    const shape = [2, 1];
    const x = tensor([1, 2]).reshape(shape);
    shape[0] = 9;
    expect(x.shape).toEqual([2, 1]);
    const f = (y: Tensor): Tensor => y.square().sum();
    const g = grad(f)(x);
    g.dataSync()[0] = 9;
    expect(grad(f)(x).toArray()).toEqual([[2], [4]]);
  });
});
