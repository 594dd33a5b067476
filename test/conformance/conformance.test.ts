/**
 * @file Every primitive on every backend: values, layouts, special values, derivatives, many examples at
 * once, refusals. To test another backend, add it to the list; to test another primitive, add its row to
 * `samples.ts`; what is tested stands in `properties.ts`.
 */
import { setDefaultBackend } from "@tapeloop/autograd";
import type { PrimitiveName } from "@tapeloop/autograd/backend";
import { beforeAll, describe, expect, test } from "vitest";
import { backends } from "./backends.ts";
import { checkProperty, properties, runsOf } from "./properties.ts";
import { rows } from "./samples.ts";

const names = Object.keys(rows) as PrimitiveName[];
const refusals = names.flatMap((name) => rows[name].refuses);

describe.each(backends)("backend %s", (_, backend) => {
  beforeAll(() => setDefaultBackend(backend));

  describe.each(names)("%s", (name) => {
    for (const property of properties) {
      const runs = runsOf(backend, name).filter(property.of);
      if (runs.length === 0) continue;
      test(property.title, () => {
        for (const run of runs) checkProperty(property, run);
      });
    }
  });

  test.each(refusals)("refuses: $message", ({ call, message }) => {
    expect(call).toThrow(expect.objectContaining({ message }));
  });
});
