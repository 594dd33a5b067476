/**
 * @file Every primitive on every backend: values, layouts, special values, derivatives, many examples at
 * once, refusals. To test another backend, add it to the list; to test another primitive, add its row to
 * `samples.ts`; what is tested stands in `properties.ts`.
 */
import { setDefaultBackend } from "@tapeloop/autograd";
import type { Backend, PrimitiveName } from "@tapeloop/autograd/backend";
import { beforeAll, describe, expect, test } from "vitest";
import { backends, singles } from "./backends.ts";
import { checkProperty, properties, runsOf } from "./properties.ts";
import type { Run } from "./runs.ts";
import { rows } from "./samples.ts";

const names = Object.keys(rows) as PrimitiveName[];
const refusals = names.flatMap((name) => rows[name].refuses);

/** Which runs a backend is tested with. */
type Tested = readonly [name: string, backend: Backend, isTested: (run: Run) => boolean];

const all: Tested[] = [
  ...backends.map(([name, backend]): Tested => [name, backend, () => true]),
  ...singles.map(([name, backend]): Tested => [
    name,
    backend,
    // Only the reference and its equals add in float64.
    ({ float, sample }) =>
      float === "float32" && !(name.endsWith("webasm") && sample.what.endsWith("kept in float64")),
  ]),
];

describe.each(all)("backend %s", (_, backend, isTested) => {
  beforeAll(() => setDefaultBackend(backend));

  describe.each(names)("%s", (name) => {
    for (const property of properties) {
      const runs = runsOf(backend, name).filter((run) => isTested(run) && property.of(run));
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
