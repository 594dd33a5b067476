/** @file Updates as programs and under vmap: the same as they are written. */
import {
  abs,
  compile,
  leaves,
  mapTree,
  max,
  setDefaultBackend,
  stack,
  sub,
  type TypedArray,
  unstack,
  vmap,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import type { OptimizerState } from "@tapeloop/optim";
import { describe, expect, test } from "vitest";
import { backends } from "../conformance/backends.ts";
import {
  gradient,
  optimizers,
  type Parameters,
  type Problem,
  scheduled,
  start,
} from "./problem.ts";

setDefaultBackend(ndarrayBackend);

/** Every number of a tree. */
const numbers = (tree: object): TypedArray[] => leaves(tree).map((x) => x.dataSync());

describe.each(Object.entries({ ...optimizers, ...scheduled }))("%s", (_, make) => {
  test.each(backends)(
    "is the same bit for bit when its update is compiled, on %s",
    (...[, backend]) => {
      setDefaultBackend(backend);
      const optimizer = make();
      const update = compile((grads: Parameters, state: OptimizerState, params: Parameters) =>
        optimizer.update(grads, state, params),
      );
      const [first, problem] = start();
      let eager = { params: first, state: optimizer.init(first) };
      let compiled = eager;
      for (let i = 0; i < 7; i++) {
        eager = optimizer.update(gradient(eager.params, problem), eager.state, eager.params);
        compiled = update(gradient(compiled.params, problem), compiled.state, compiled.params);
        expect(numbers(compiled)).toEqual(numbers(eager));
      }
      setDefaultBackend(ndarrayBackend);
    },
  );

  test("moves several models at once under vmap", () => {
    const optimizer = make();
    const [params, problem] = start("float64");
    const grads = gradient(params, problem);
    const moved = (g: Parameters, x: Parameters): Parameters => {
      const first = optimizer.update(g, optimizer.init(x), x);
      return optimizer.update(g, first.state, first.params).params;
    };
    const both = (tree: Parameters): Parameters =>
      mapTree((x) => stack([x, x.mul(-2)], { axis: 0 }), tree);
    const twice = (tree: Parameters): Parameters => mapTree((x) => x.mul(-2), tree);
    const expected = [moved(grads, params), moved(twice(grads), twice(params))];
    const found = vmap(moved)(both(grads), both(params));
    expected.forEach((tree, i) => {
      const one = mapTree((x) => unstack(x)[i], found);
      mapTree(
        (x, y) => {
          expect(max(abs(sub(x, y))).item()).toBeLessThan(1e-12);
          return x;
        },
        one,
        tree,
      );
    });
  });

  test("is the same bit for bit in a compiled training step, float64", () => {
    const optimizer = make();
    const train = (params: Parameters, state: OptimizerState, problem: Problem) =>
      optimizer.update(gradient(params, problem), state, params);
    const compiled = compile(train);
    const [params, problem] = start("float64");
    let [a, b] = [
      train(params, optimizer.init(params), problem),
      compiled(params, optimizer.init(params), problem),
    ];
    for (let i = 0; i < 3; i++) {
      [a, b] = [train(a.params, a.state, problem), compiled(b.params, b.state, problem)];
    }
    expect(numbers(b)).toEqual(numbers(a));
  });
});
