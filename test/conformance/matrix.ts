/**
 * @file The matrix in the guides, from what is tested: a check mark stands where every property that its
 * column rests on holds at every sample, or where every case of a composition agrees with PyTorch.
 */
import { readFileSync } from "node:fs";
import { scope, setDefaultBackend } from "@tapeloop/autograd";
import type { Backend, PrimitiveName } from "@tapeloop/autograd/backend";
import { backends } from "./backends.ts";
import { checkProperty, columns, properties, runsOf } from "./properties.ts";
import { rows } from "./samples.ts";

type Column = (typeof columns)[number];

/** What stands in a column for a primitive that has nothing to be checked there. */
function without(name: PrimitiveName, column: Column): string {
  if (column === "vmap") return "no inputs";
  return rows[name].smooth ? "missing" : "constant";
}

/** What is known of one column of one primitive. */
function cell(backend: Backend, name: PrimitiveName, column: Column): string {
  const isDerivative = column === "vjp" || column === "jvp" || column === "order 2";
  const pairs = properties
    .filter((property) => property.columns.includes(column))
    .flatMap((property) =>
      runsOf(backend, name)
        .filter(property.of)
        .map((run) => [property, run] as const),
    );
  if (pairs.length === 0) return without(name, column);
  for (const [property, run] of pairs) scope(() => checkProperty(property, run));
  if (column === "vjp" && rows[name].isForwardOnly === true) return "refused";
  return isDerivative && !rows[name].smooth ? "constant" : "✓";
}

/** A table in Markdown, its columns aligned. */
function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(...[head, ...body].map((row) => row[i].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, i) => text.padEnd(widths[i])).join(" | ")} |`;
  return [
    line(head),
    `| ${widths.map((n) => "-".repeat(n)).join(" | ")} |`,
    ...body.map(line),
  ].join("\n");
}

/** What PyTorch's references say of a case; see references.ts. */
interface Case {
  readonly grads?: unknown;
  readonly edge?: true;
}

/** The ops in the references, with a check mark for what their cases are compared in. */
function compositions(): string[][] {
  const file = new URL("../references/ops.json", import.meta.url);
  const themes = JSON.parse(readFileSync(file, "utf8")) as Record<string, Record<string, Case>>;
  const byOp = new Map<string, Case[]>();
  for (const [title, each] of Object.values(themes).flatMap((cases) => Object.entries(cases))) {
    const op = /^\w+/.exec(title)?.[0] ?? title;
    byOp.set(op, [...(byOp.get(op) ?? []), each]);
  }
  return [...byOp]
    .filter(([op]) => !Object.hasOwn(rows, op))
    .toSorted(([a], [b]) => a.localeCompare(b, "en"))
    .map(([op, cases]) => {
      const smooth = cases.some(({ grads, edge }) => grads !== undefined && edge !== true);
      const derivative = smooth ? "✓" : "constant";
      return [`\`${op}\``, String(cases.length), "✓", derivative, derivative, derivative, "✓"];
    });
}

/** The page. Throws where a property does not hold. */
export function matrix(): string {
  const names = Object.keys(rows) as PrimitiveName[];
  const parts = backends.map(([title, backend]) => {
    setDefaultBackend(backend);
    const body = names.map((name) =>
      [`\`${name}\``, rows[name].family].concat(
        columns.map((column) => cell(backend, name, column)),
      ),
    );
    return `## Primitives on \`${title}\`\n\n${table(["op", "family", ...columns], body)}`;
  });
  const composed = table(["op", "cases", ...columns], compositions());
  return `---
title: What is tested
group: Guides
---

# What is tested of every op

This page is written by the tests: \`pnpm test op-matrix -u\`. A primitive has a check mark where all
properties of \`test/conformance/properties.ts\` that the column rests on hold at all its samples:

- **value**: against a definition in plain JavaScript, in float32 and float64, for inputs that are strided,
  reversed, broadcast, of rank 0, of size 0 and 1, and with zeros of both signs, infinities, NaN, ties and the
  least and greatest numbers.
- **vjp** and **jvp**: against differences of fourth order to 1e-8, against one another to 1e-11, in float32
  against float64, in a checkpoint bit by bit, and at kinks and ties against what the documentation says.
- **order 2**: forward and reverse over forward and reverse, against one another to 1e-10 and against
  differences to 1e-6.
- **vmap**: 0, 1 and 3 examples of each input and of all, nested, inside and outside of derivatives, against a
  loop.

"constant" stands where an op is piecewise constant: its derivative is 0, and that is tested. "refused" stands
where there is a derivative in forward mode alone. "no inputs" stands where there is nothing to have many examples of.

${parts.join("\n\n")}

## Compositions

They are made of primitives. The cases of each are compared with PyTorch in value, for inputs that lie in memory
in any order, and in gradient; derivatives with differences to order 2; jvp with vjp; vmap of 0, 1 and 2 examples,
also of the gradient, with a loop; compiled with eager. They run on every backend.

${backends.map(([title]) => `### On \`${title}\`\n\n${composed}`).join("\n\n")}
`;
}
