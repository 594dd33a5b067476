/** @file Random programs and their gradients, compiled for WebGL 2: the values of the reference. */
import { compile, grad, scope, setDefaultBackend, type Tensor } from "@tapeloop/autograd";
import type { Backend } from "@tapeloop/autograd/backend";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import { type Genes, genes, inputOf, programOf } from "../properties/programs.ts";

vi.spyOn(console, "warn").mockImplementation(() => {});
const gpu = await gpuBackend({ mode: "webgl2", elsewhere: ndarrayBackend });

/** The value of a program and its gradients. */
function resultsOn(backend: Backend, read: Genes): { code: string; results: ArrayLike<number>[] } {
  setDefaultBackend(backend);
  return scope(() => {
    const { f, inputs, code } = programOf(read, true);
    const all = (at: readonly Tensor[]): Tensor[] => [f(at), ...grad(f)(at)];
    const x = inputs.map((shape, i) => inputOf(shape, i / 3, "float32"));
    const made = (backend === ndarrayBackend ? all : compile(all))(x);
    return { code, results: made.map((y) => y.dataSync()) };
  });
}

test("random programs are on WebGL what they are on the reference", () => {
  for (const read of fc.sample(genes, { numRuns: 8, seed: 3 })) {
    const { code, results } = resultsOn(ndarrayBackend, read);
    resultsOn(gpu, read).results.forEach((got, k) => {
      const want = Array.from(results[k]);
      const scale = Math.max(1, ...want.map(Math.abs));
      const error = Math.max(0, ...want.map((v, i) => Math.abs(got[i] - v) / scale));
      expect(error < 1e-3 ? "" : `result ${k} is off by ${error} in\n${code}`).toBe("");
    });
  }
});
