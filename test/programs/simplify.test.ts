/** @file What rewriting leaves out, and what it must not. */
import {
  compile,
  cond,
  customVjp,
  grad,
  greater,
  noGrad,
  type Program,
  scan,
  setDefaultBackend,
  tensor,
  type Tensor,
  trace,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

const names = ({ nodes }: Program): string[] => nodes.map(({ primitive }) => primitive.name);

describe("ops that look alike", () => {
  const scaled = (k: number): ((x: Tensor) => Tensor) =>
    customVjp(
      (x: Tensor) => x.mul(k),
      (g) => [g.mul(10 * k)],
    );
  const looped = (f: (x: Tensor) => Tensor, x: Tensor): Tensor =>
    scan((_, s: Tensor) => [f(s), null], null, x, null, { length: 2 })[0];

  test("loops and choices that differ in a function with rules of its own alone stay two", () => {
    const [two, three] = [scaled(2), scaled(3)];
    const loops = (x: Tensor): Tensor => looped(two, x).add(looped(three, x));
    // 2² + 3² and 20² + 30².
    expect(compile(loops)(tensor(1)).item()).toBe(13);
    expect(compile(grad(loops))(tensor(1)).item()).toBe(1300);
    const choices = (x: Tensor): Tensor => {
      const choose = (f: (v: Tensor) => Tensor): Tensor => cond(greater(x, 0), f, (v) => v, x);
      return choose(two).add(choose(three));
    };
    expect(compile(choices)(tensor(1)).item()).toBe(5);
    expect(compile(grad(choices))(tensor(1)).item()).toBe(50);
    // In a body they are told apart, too, where they differ in the rule alone.
    const [plain, steep] = [1, 7].map((k) =>
      customVjp(
        (x: Tensor) => x.mul(2),
        (g) => [g.mul(k)],
      ),
    );
    const nested = (x: Tensor): Tensor =>
      scan((_, s: Tensor) => [looped(plain, s).add(looped(steep, s)), null], null, x, null, {
        length: 1,
      })[0];
    expect(compile(grad(nested))(tensor(1)).item()).toBe(1 + 49);
  });

  test("loops that are equal are run once", () => {
    const two = scaled(2);
    const program = trace((x: Tensor) => looped(two, x).add(looped(two, x)), zeros([]));
    expect(names(program)).toEqual(["scan", "add"]);
  });
});

describe("algebra", () => {
  const scalar = (x: number): Tensor => tensor(x, { dtype: "float64" });
  const one = (f: (x: Tensor) => Tensor): string[] => names(trace(f, zeros([2, 3])));

  test.each<[string, (x: Tensor) => Tensor, string[]]>([
    [
      "movements that follow one another are one",
      (x) => x.reshape([6]).reshape([3, 2]),
      ["reshape"],
    ],
    ["a reshape back is none", (x) => x.reshape([6]).reshape([2, 3]), []],
    [
      "a broadcast of a broadcast is one",
      (x) => x.broadcastTo([1, 2, 3]).broadcastTo([4, 2, 3]),
      ["broadcastTo"],
    ],
    [
      "orders of axes make one",
      (x) => x.reshape([1, 2, 3]).permute([1, 2, 0]).permute([1, 2, 0]),
      ["reshape", "permute"],
    ],
    ["an order of axes that is none goes", (x) => x.permute([0, 1]), []],
    ["all of it is no slice", (x) => x.slice([{ start: 0, stop: 2 }]), []],
    ["backwards is one", (x) => x.slice([{ step: -1 }]), ["slice"]],
    [
      "numbers are computed once and for all",
      (x) => x.mul(zeros([3]).add(3).mul(2).div(4).sub(0.25)),
      ["fill", "mul"],
    ],
    ["−0 changes no sum", (x) => x.add(-0), []],
    ["0 does: −0 + 0 is 0", (x) => x.add(0), ["fill", "add"]],
    ["1 in front changes no product", (x) => zeros([2, 3]).add(1).mul(x), []],
  ])("%s", (_, f, left) => {
    expect(one(f).toSorted()).toEqual(left.toSorted());
    const x = tensor([
      [-0, 1.1, -2.3],
      [Infinity, NaN, 1e-40],
    ]);
    const bits = (y: Tensor): string =>
      Buffer.from(y.dataSync().buffer as ArrayBuffer).toString("hex");
    expect(bits(compile(f)(x))).toBe(bits(f(x)));
  });

  test("folding keeps float32 float32, and whole numbers as they are", () => {
    const f = (x: Tensor): Tensor => x.add(zeros([]).add(0.1).mul(0.2).div(0.3)).add(tensor(0));
    expect(compile(f)(tensor(0)).item()).toBe(f(tensor(0)).item());
    const halves = (x: Tensor): Tensor => x.mul(zeros([], { dtype: "int32" }).add(7).mul(3));
    const two = tensor(2, { dtype: "int32" });
    expect(compile(halves)(two).item()).toBe(halves(two).item());
  });

  test("what noGrad made is not looked through: its derivative stays 0", () => {
    const f = (x: Tensor): Tensor =>
      scan((_, s: Tensor) => [noGrad(() => s.neg()).neg(), null], null, x, null, { length: 1 })[0];
    expect(compile(f)(scalar(3)).item()).toBe(3);
    expect(compile(grad(f))(scalar(3)).item()).toBe(grad(f)(scalar(3)).item());
    expect(compile(grad(f))(scalar(3)).item()).toBe(0);
  });
});
