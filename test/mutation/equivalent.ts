/** @file Mutants that change nothing that can be observed, and why. Every other one must be killed. */
import type { TextMutant } from "./text.ts";

/** Rules made wrong at run time that are right nevertheless. */
const equivalentRules: readonly {
  readonly mutant: RegExp;
  readonly reason: string;
}[] = [
  {
    mutant: /^(?:abs|rem|maximum|max) .*saved values as constants$/,
    reason: "they are only compared or rounded: the rule is piecewise constant in what it reads",
  },
  {
    mutant: /^whileLoop vjp of input \d: saved values as constants$/,
    reason: "it is zero or refused, whatever was kept",
  },
  {
    mutant: /^add jvp of input 0: exchanged with input 1$/,
    reason: "the sum of two tangents does not depend on their order",
  },
];

/** Changes of the text that leave its meaning as it is. */
const equivalentTexts: readonly {
  readonly file: string;
  /** Part of the line. */
  readonly text: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}[] = [
  {
    file: "binary.ts",
    text: "log(where(flat, 1, x))",
    from: "1",
    to: "2",
    reason: "any number will do: the outer where throws its logarithm away",
  },
  {
    file: "binary.ts",
    text: "pow(where(flat, 1, x), sub(y, 1))",
    from: "1",
    to: "2",
    reason: "any number but 0 will do: the outer where throws its power away",
  },
  {
    file: "scan.ts",
    text: "traceBody(types, inputs[0].backend",
    from: "0",
    to: "1",
    reason: "all inputs live on one backend",
  },
  ...[
    "traceBody(inputs, inputs[0].backend",
    "const step = written(order",
    "condition: written(order",
  ].map((text) => ({
    file: "while.ts",
    text,
    from: "0",
    to: "1",
    reason: "all inputs live on one backend",
  })),
  {
    file: "while.ts",
    text: "carries: body.inputs.length - consts,",
    from: " - ",
    to: " + ",
    reason: "all results are states: as many or more is the same",
  },
  {
    file: "while.ts",
    text: "let [isMasked, isGrowing] = [false, false];",
    from: "false",
    to: "true",
    reason: "whether there is a mask is decided when the condition is written, before anybody asks",
  },
  {
    file: "while.ts",
    text: "...all.slice(firstState, firstState + count - consts),",
    from: " - ",
    to: " + ",
    reason: "a program takes as many as it has inputs: what is behind them is not read",
  },
  {
    file: "movement.ts",
    text: "reshape(sum(g, { axes, keepAxes: true }), shape)",
    from: "true",
    to: "false",
    reason: "the reshape behind it puts the axes back",
  },
  {
    file: "slicing.ts",
    text: "steps[i] < 0 ? Math.max(n - 1, 0) : 0",
    from: "0",
    to: "1",
    reason: "steps are whole numbers and not 0, so < 0 and < 1 are the same",
  },
  {
    file: "slicing.ts",
    text: "if (n === 0) return { before: 0, between: 0, after: size };",
    from: "0",
    to: "1",
    reason: "between elements of which there are none is nothing",
  },
  {
    file: "slicing.ts",
    text: "starts: spans.map((s, i) => (shape[i] === 0 ? 0 : s.before)),",
    from: "0",
    to: "1",
    reason: "a slice of no elements starts anywhere",
  },
];

/** Why a rule that is wrong at run time is right nevertheless. */
export function reasonForRule(mutant: string): string | null {
  return equivalentRules.find((each) => each.mutant.test(mutant))?.reason ?? null;
}

/** Why a change of the text leaves its meaning as it is. */
export function reasonForText({ file, text, from, to }: TextMutant): string | null {
  const found = equivalentTexts.find(
    (each) =>
      each.file === file && text.includes(each.text) && each.from === from && each.to === to,
  );
  return found?.reason ?? null;
}
