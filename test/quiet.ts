/**
 * @file Set up before every test file: what a test prints without expecting it fails that test.
 * A test that is about printing replaces the method: `vi.spyOn(console, "warn").mockImplementation(…)`.
 */
import { format } from "node:util";
import { afterAll, afterEach } from "vitest";

const printed: Error[] = [];
for (const name of ["debug", "dir", "error", "info", "log", "table", "trace", "warn"] as const) {
  const replacement = (...values: unknown[]): void => {
    const error = new Error(`unexpected console.${name}: ${format(...values)}`);
    Error.captureStackTrace(error, replacement);
    printed.push(error);
  };
  console[name] = replacement;
}

// Failing here and not at the call: code under test could catch an error thrown from print.
function refuseOutput(): void {
  const [first] = printed.splice(0);
  if (first) throw first;
}
afterEach(refuseOutput);
afterAll(refuseOutput);
