/**
 * @file Whether the proof of the rules fails: the properties of derivatives and of vmap, on every sample,
 * until one does not hold. Mutants run it, each with its own copy of the core or in place.
 */
import { scope, setDefaultBackend } from "@tapeloop/autograd";
import type { PrimitiveName } from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { checkProperty, properties, runsOf } from "../conformance/properties.ts";
import { rows } from "../conformance/samples.ts";

/** What rests on the rules, and not on kernels alone. */
const ofRules = properties.filter(({ columns }) => columns.some((column) => column !== "value"));

/** The primitives with samples, in the order of the table. */
export const names = Object.keys(rows) as PrimitiveName[];

/** The primitives whose rules stand in a file of `primitives/`, by its name; all of them for what they share. */
export function namesIn(file: string): PrimitiveName[] {
  const found = names.filter((name) => name === file || rows[name].family === file);
  return found.length > 0 ? found : names;
}

/** The title of the first property that does not hold; null if all do. */
export function firstFailure(of: readonly PrimitiveName[]): string | null {
  setDefaultBackend(ndarrayBackend);
  for (const name of of) {
    const runs = runsOf(ndarrayBackend, name);
    for (const property of ofRules) {
      for (const run of runs.filter(property.of)) {
        try {
          scope(() => checkProperty(property, run));
        } catch {
          return `${name} ${property.title}`;
        }
      }
    }
  }
  return null;
}
