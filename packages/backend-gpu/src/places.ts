/** @file Whole numbers in kernels: which place along an axis, as sums of multiples of variables. */

/** A whole number: a constant, and multiples of variables. */
export interface Place {
  readonly constant: number;
  /** By variable; none is 0. */
  readonly terms: ReadonlyMap<string, number>;
}

/** A constant. */
export function constant(value: number): Place {
  return { constant: value, terms: new Map() };
}

/** A variable. */
export function variable(name: string): Place {
  return { constant: 0, terms: new Map([[name, 1]]) };
}

/** Σ factor · place, and a constant. */
export function sumOf(
  parts: readonly (readonly [place: Place, factor: number])[],
  plus = 0,
): Place {
  const terms = new Map<string, number>();
  let total = plus;
  for (const [place, factor] of parts) {
    total += place.constant * factor;
    for (const [name, times] of factor === 0 ? [] : place.terms) {
      const next = (terms.get(name) ?? 0) + times * factor;
      if (next === 0) terms.delete(name);
      else terms.set(name, next);
    }
  }
  return { constant: total, terms };
}

/** A name for a place that is the same for the same place. */
export function keyOf({ constant: c, terms }: Place): string {
  const sorted = [...terms].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, times]) => `${times}${name}`).join("+") + `+${c}`;
}

/** What a place was taken apart into: `whole = Σ times · name`. */
export interface Division {
  readonly whole: Place;
  readonly parts: readonly (readonly [name: string, times: number])[];
}

/** A place with the parts of divisions put together again, where all of them are there. */
export function rejoined(place: Place, divisions: readonly Division[]): Place {
  let joined = place;
  for (const { whole, parts } of divisions.toReversed()) {
    const [name, times] = parts[0];
    const factor = (joined.terms.get(name) ?? 0) / times;
    if (factor === 0 || !Number.isInteger(factor)) continue;
    const isThere = parts.every(([part, each]) => joined.terms.get(part) === each * factor);
    if (!isThere) continue;
    const without = parts.map(([part, each]) => [variable(part), -each * factor] as const);
    joined = sumOf([[joined, 1], ...without, [whole, factor]]);
  }
  return joined;
}

/** A place as source: what is added stands first, so that it does not begin with a sign. */
export function written({ constant: c, terms }: Place): string {
  const all = [...terms].map(([name, times]) => {
    const size = Math.abs(times);
    return { isAdded: times > 0, text: size === 1 ? name : `${name} * ${size}` };
  });
  if (c !== 0) all.push({ isAdded: c > 0, text: String(Math.abs(c)) });
  const added = all.filter(({ isAdded }) => isAdded).map(({ text }) => text);
  const taken = all.filter(({ isAdded }) => !isAdded).map(({ text }) => ` - ${text}`);
  return `${added.join(" + ") || "0"}${taken.join("")}`;
}
