/**
 * @file A sixth of the rules made wrong, in place: the conformance properties notice each of them. The
 * whole, with the text of the rules changed as well, is `pnpm mutation`.
 */
import { describe, expect, test } from "vitest";
import { firstFailure, names } from "./check.ts";
import { reasonForRule } from "./equivalent.ts";
import { mutantsOf, withMutant } from "./mutants.ts";
import { textMutants, Workshop } from "./text.ts";

const chosen = names
  .flatMap((name) => mutantsOf(name))
  .filter(
    ({ primitive, what }, i) => i % 6 === 0 && reasonForRule(`${primitive} ${what}`) === null,
  );

describe("the conformance properties", () => {
  test("hold for the rules as they are, after each mutant", () => {
    withMutant({ primitive: "mul", what: "none", rules: { vjp: null } }, () => {});
    expect(firstFailure(["mul"])).toBeNull();
  });

  test.each(names)("notice wrong rules of %s", { timeout: 60_000 }, (name) => {
    const survivors = chosen
      .filter(({ primitive }) => primitive === name)
      .filter((mutant) => {
        const { result, acted } = withMutant(mutant, () => firstFailure([name]));
        return acted && result === null;
      })
      .map(({ primitive, what }) => `${primitive} ${what}`);
    // What changes nothing that can be observed is listed, with its reason, in equivalent.ts.
    expect(survivors).toEqual([]);
  });

  test("are turned against the text of the rules, too", () => {
    const files = new Set(textMutants().map(({ file }) => file));
    expect(files).toContain("unary.ts");
    expect(files).toContain("batching.ts");
    expect(textMutants().length).toBeGreaterThan(250);
    // Everything that they are run with can be built.
    expect(() => new Workshop()[Symbol.dispose]()).not.toThrow();
  });
});
