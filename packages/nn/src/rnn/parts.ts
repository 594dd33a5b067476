/** @file Runs that are made of others: what each of them is told, and what they recorded. */
import { ArgumentError, splitKey, type Tensor } from "@tapeloop/autograd";
import type { Run, RunOptions } from "./runner.ts";

/**
 * The options of each part: a key of its own, its state, and the names that begin with its own.
 *
 * @param states - The states that were given for the parts, if any were.
 */
export function partsOf<S>(
  op: string,
  { key, record = [], ...others }: Omit<RunOptions<unknown>, "initialState">,
  names: readonly string[],
  states: readonly S[] | undefined,
): RunOptions<S>[] {
  const keys = key === undefined ? null : splitKey(key, names.length);
  const lost = record.find((name) => !names.some((part) => name.startsWith(`${part}.`)));
  if (lost !== undefined) {
    throw new ArgumentError(
      op,
      `names to record begin with ${names.map((name) => `${name}.`).join(", ")}`,
      `"${lost}"`,
    );
  }
  return names.map((name, i) => ({
    ...others,
    ...(keys === null ? {} : { key: keys[i] }),
    ...(states === undefined ? {} : { initialState: states[i] }),
    record: record
      .filter((wanted) => wanted.startsWith(`${name}.`))
      .map((wanted) => wanted.slice(name.length + 1)),
  }));
}

/** What several runs recorded, under names that begin with theirs. */
export function recordedBy<N extends string>(
  runs: Readonly<Record<string, Run<unknown>>>,
): Readonly<Record<N, Tensor>> {
  return Object.fromEntries(
    Object.entries(runs).flatMap(([part, { recorded }]) =>
      Object.entries(recorded).map(([name, value]) => [`${part}.${name}`, value] as const),
    ),
  ) as Record<N, Tensor>;
}
