/**
 * @file Every primitive on every backend: values, layouts, special values, derivatives, many examples at
 * once, refusals. To test another backend, add it to the list; to test another primitive, add its row to
 * `samples.ts`; what is tested stands in `properties.ts`.
 */
import { setDefaultBackend } from "@tapeloop/autograd";
import type { Backend, PrimitiveName } from "@tapeloop/autograd/backend";
import { beforeAll, describe, expect, test } from "vitest";
import { backends, singles } from "./backends.ts";
import { checkProperty, expectDerived, properties, type Property, runsOf } from "./properties.ts";
import type { Run } from "./runs.ts";
import { rows } from "./samples.ts";

const names = Object.keys(rows) as PrimitiveName[];
const refusals = names.flatMap((name) => rows[name].refuses);

/** A backend, and what it is asked. */
type Tested = readonly [name: string, backend: Backend, holds: (run: Run, of: Property) => boolean];

const all: Tested[] = [
  ...backends.map(([name, backend]): Tested => [name, backend, () => true]),
  ...singles.map(([name, backend]): Tested => [
    name,
    backend,
    ({ float, sample }, { title }) => {
      if (float !== "float32") return false;
      // JavaScript adds in float64, and rounds once for each kernel: fused ones have other last bits.
      return name.endsWith("cpu")
        ? !title.startsWith("gives each result alone")
        : !sample.what.endsWith("kept in float64");
    },
  ]),
];

describe.each(all)("backend %s", (_, backend, holds) => {
  beforeAll(() => setDefaultBackend(backend));

  describe.each(names)("%s", (name) => {
    for (const property of properties) {
      const runs = runsOf(backend, name).filter((run) => property.of(run) && holds(run, property));
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

describe.each(singles)("backend %s", (_, backend) => {
  beforeAll(() => setDefaultBackend(backend));

  test.each(names)(
    "%s has derivatives of orders 1 and 2, and of many examples, close to float64",
    { timeout: 30_000 },
    async (name) => {
      const runs = runsOf(backend, name).filter(
        ({ float, sample }) => float === "float32" && !sample.what.endsWith("kept in float64"),
      );
      // Kernels are compiled for each.
      for (const run of runs.slice(0, 2)) await expectDerived(run, 1e-5);
    },
  );
});
