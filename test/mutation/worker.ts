/** @file A process that tries mutants: it is told which, and answers with what became of them. */
import type { PrimitiveName } from "@tapeloop/autograd/backend";
import { firstFailure, namesIn } from "./check.ts";
import { mutantsOf, withMutant } from "./mutants.ts";
import { textMutants, Workshop } from "./text.ts";

/** What to try: all rules of a primitive made wrong, or one change of the text. */
export type Task =
  | { readonly kind: "rules"; readonly primitive: PrimitiveName }
  | { readonly kind: "text"; readonly index: number };

/** What became of a mutant: the property that failed, or null if it survived. */
export interface Outcome {
  readonly mutant: string;
  readonly killedBy: string | null;
}

/** Tries all mutants of a primitive; those that never make a difference are none. */
export function tryRules(primitive: PrimitiveName): Outcome[] {
  return mutantsOf(primitive).flatMap((mutant) => {
    const { result, acted } = withMutant(mutant, () => firstFailure([primitive]));
    if (result === null && !acted) return [];
    return [{ mutant: `${primitive} ${mutant.what}`, killedBy: result }];
  });
}

let workshop: Workshop | undefined;

/** Tries one change of the text. */
async function tryText(index: number): Promise<Outcome[]> {
  workshop ??= new Workshop();
  const mutant = textMutants()[index];
  const what = `${mutant.file}:${mutant.line} "${mutant.from}" → "${mutant.to}" in ${mutant.text}`;
  try {
    const check = await workshop.load(mutant);
    if (check === null) return [];
    const file = mutant.file.replace(/\.ts$/, "");
    return [{ mutant: what, killedBy: check.firstFailure(namesIn(file)) }];
  } catch (error) {
    return [{ mutant: what, killedBy: `it does not load: ${String(error)}` }];
  }
}

process.on("message", (task: Task) => {
  const done = (outcomes: Outcome[]): unknown => process.send?.(outcomes);
  if (task.kind === "rules") done(tryRules(task.primitive));
  else void tryText(task.index).then(done);
});
process.on("disconnect", () => {
  workshop?.[Symbol.dispose]();
  process.exit();
});
