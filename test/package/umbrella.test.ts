import * as autograd from "@tapeloop/autograd";
import * as nn from "@tapeloop/nn";
import * as optim from "@tapeloop/optim";
import { expect, test } from "vitest";

test("no name means two things in the umbrella, where one would silently be missing", () => {
  const packages: Record<string, object> = { autograd, nn, optim };
  const owners = new Map<string, unknown>();
  const twice = Object.values(packages)
    .flatMap((names) => Object.entries(names))
    .filter(([name, value]) => {
      const isOther = owners.has(name) && owners.get(name) !== value;
      owners.set(name, value);
      return isOther;
    });
  expect(twice.map(([name]) => name)).toEqual([]);
  expect(owners.size).toBeGreaterThan(200);
});
