import { setDefaultBackend } from "@tapeloop/autograd";
import type { PrimitiveName } from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, describe, test } from "vitest";
import { gpuBackend } from "../src/index.ts";
import { checkProperty, properties, runsOf } from "../../../test/conformance/properties.ts";
import { rows } from "../../../test/conformance/samples.ts";

const names = Object.keys(rows) as PrimitiveName[];
const backend = await gpuBackend({ mode: "webgl2", elsewhere: ndarrayBackend });
describe("gpu", () => {
  beforeAll(() => setDefaultBackend(backend));
  describe.each(names)("%s", (name) => {
    for (const property of properties) {
      const runs = runsOf(backend, name)
        .filter(property.of)
        .filter((r) => r.float === "float32");
      if (runs.length === 0) continue;
      test(property.title, () => {
        for (const run of runs) checkProperty(property, run);
      });
    }
  });
});
