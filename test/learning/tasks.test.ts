/** @file Tasks are what their definitions say: found again in the data, by other means. */
import { key, select, setDefaultBackend, type Tensor } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  addingProblem,
  characterText,
  copyMemory,
  dyck,
  embeddedReber,
  mackeyGlass,
  parity,
  reberSymbols,
  regionNames,
  sequentialDigits,
  sumsInWords,
} from "@tapeloop/nn";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

/** Column b of [T, B, …], as nested arrays. */
function column(x: Tensor, b: number): unknown[] {
  return select(x, b, { axis: 1 }).toArray() as unknown[];
}

const made: Record<string, (seed: number) => object> = {
  addingProblem: (seed) => addingProblem(key(seed), { steps: 9, batch: 3 }),
  copyMemory: (seed) => copyMemory(key(seed), { lag: 4, batch: 3 }),
  parity: (seed) => parity(key(seed), { steps: 9, batch: 3 }),
  dyck: (seed) => dyck(key(seed), { steps: 9, batch: 3 }),
  embeddedReber: (seed) => embeddedReber(key(seed), { batch: 3 }),
  mackeyGlass: (seed) => ({ x: mackeyGlass(key(seed), { steps: 9, batch: 3, settle: 5 }) }),
  sequentialDigits: (seed) => sequentialDigits(key(seed), { batch: 3 }),
};

test.each(Object.entries(made))("%s is drawn from its key alone", (_, make) => {
  const text = (seed: number): string =>
    JSON.stringify(Object.values(make(seed)).map((x: Tensor) => x.toArray()));
  expect(text(1)).toBe(text(1));
  expect(text(1)).not.toBe(text(2));
});

test("addingProblem marks one number in each half, and wants their sum", () => {
  const [T, B] = [11, 40];
  const { xs, targets } = addingProblem(key(0), { steps: T, batch: B });
  for (let b = 0; b < B; b++) {
    const rows = column(xs, b) as [number, number][];
    const marked = rows.flatMap(([, mark], t) => (mark === 1 ? [t] : []));
    expect(marked).toHaveLength(2);
    expect(marked[0]).toBeLessThan(5);
    expect(marked[1]).toBeGreaterThanOrEqual(5);
    const sum = marked.reduce((total, t) => total + rows[t][0], 0);
    expect((targets.toArray() as number[][])[b][0]).toBeCloseTo(sum, 6);
    expect(rows.every(([x]) => x >= 0 && x < 1)).toBe(true);
  }
});

test("copyMemory wants the symbols again after the sign, and blanks before", () => {
  const [lag, length, kinds] = [5, 3, 4];
  const { xs, targets } = copyMemory(key(0), { lag, batch: 6, length, kinds });
  for (let b = 0; b < 6; b++) {
    const [x, y] = [column(xs, b) as number[], column(targets, b) as number[]];
    const symbols = x.slice(0, length);
    expect(symbols.every((s) => s >= 0 && s < kinds)).toBe(true);
    const blanks = (n: number): number[] => Array.from({ length: n }, () => kinds);
    expect(x).toEqual([...symbols, ...blanks(lag - 1), kinds + 1, ...blanks(length)]);
    expect(y).toEqual([...blanks(lag + length), ...symbols]);
  }
});

test("parity says after every bit whether the ones so far are odd", () => {
  const { xs, targets } = parity(key(0), { steps: 20, batch: 5 });
  for (let b = 0; b < 5; b++) {
    let ones = 0;
    const odd = (column(xs, b) as [number][]).map(([bit]) => (ones += bit) % 2);
    expect(column(targets, b)).toEqual(odd);
  }
});

test("dyck closes what was opened last, and allows nothing else", () => {
  const [kinds, depth] = [3, 4];
  const { xs, targets } = dyck(key(0), { kinds, steps: 60, batch: 20, depth });
  let deepest = 0;
  for (let b = 0; b < 20; b++) {
    const allowed = column(targets, b) as number[][];
    // A word is what is left of it when all pairs are struck out, again and again.
    let rest = "";
    (column(xs, b) as number[]).forEach((symbol, t) => {
      rest += "([{)]}"[symbol];
      for (const pair of ["()", "[]", "{}"]) rest = rest.replace(pair, "");
      expect(rest).toMatch(/^[([{]*$/);
      deepest = Math.max(deepest, rest.length);
      const closing = rest === "" ? -1 : "([{".indexOf(rest[rest.length - 1]);
      const opens = rest.length < depth ? 1 : 0;
      const wanted = [opens, opens, opens, ...[0, 1, 2].map((k) => (k === closing ? 1 : 0))];
      expect(allowed[t]).toEqual(wanted);
    });
  }
  expect(deepest).toBe(depth);
});

describe("embeddedReber", () => {
  // The grammar as an expression: U and D are what follows the upper and the lower branch.
  const U = "(?:XT*VP)*(?:S|XT*VV)";
  const inner = `B(?:TS*X${U}|PT*V(?:V|P${U}))E`;
  const grammar = new RegExp(`^B([TP])${inner}\\1$`);
  const { xs, lengths, targets } = embeddedReber(key(0), { batch: 2000, steps: 30 });
  const [symbols, next, counts] = [xs, targets, lengths].map((x) => x.toArray()) as [
    number[][],
    number[][][],
    number[],
  ];
  const words = counts.map((n, b) =>
    Array.from({ length: n }, (_, t) => reberSymbols[symbols[t][b]]).join(""),
  );

  test("has words of the grammar, without their last symbol", () => {
    for (const word of words) expect(word).toMatch(grammar);
    expect(new Set(words).size).toBeGreaterThan(300);
  });

  test("says which symbols may come next: all that do, and no other", () => {
    const seen = new Map<string, Set<string>>();
    const often = new Map<string, number>();
    for (const word of words) {
      for (let t = 1; t <= word.length; t++) {
        const start = word.slice(0, t);
        seen.set(start, (seen.get(start) ?? new Set()).add(word[t] ?? "E"));
        often.set(start, (often.get(start) ?? 0) + 1);
      }
    }
    let compared = 0;
    words.forEach((word, b) => {
      for (let t = 0; t < word.length; t++) {
        const start = word.slice(0, t + 1);
        const possible = Array.from(reberSymbols).filter((_, s) => next[t][b][s] === 1);
        const found = seen.get(start) as Set<string>;
        for (const s of found) expect(possible).toContain(s);
        // Two symbols are equally likely: one that may come has come among 30.
        if ((often.get(start) ?? 0) < 30) continue;
        expect([...found].toSorted()).toEqual(possible.toSorted());
        compared++;
      }
    });
    expect(compared).toBeGreaterThan(1000);
  });

  test("needs room for a word", () => {
    expect(() => embeddedReber(key(0), { batch: 1, steps: 5 })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: embeddedReber: words need 12 steps, got 5.]`,
    );
  });
});

test("mackeyGlass follows its equation from a constant past", () => {
  // As long as the delay reaches before 0, dx/dt = g − x / 10, and the distance from 10 g fades.
  const fade = Math.exp(-0.1);
  const x = mackeyGlass(key(0), { steps: 15, batch: 4, settle: 1 }).toArray() as number[][];
  for (let b = 0; b < 4; b++) {
    const goal = (x[1][b] - fade * x[0][b]) / (1 - fade);
    for (let t = 1; t < 15; t++) {
      expect(x[t][b] - goal).toBeCloseTo((x[t - 1][b] - goal) * fade, 5);
    }
    const past = goal + (x[0][b] - goal) / fade;
    expect(past).toBeGreaterThan(1.1);
    expect(past).toBeLessThan(1.3);
    expect(goal).toBeCloseTo((2 * past) / (1 + past ** 10), 4);
  }
});

test("mackeyGlass is chaotic: near starts part, and stay within bounds", () => {
  const x = mackeyGlass(key(1), { steps: 600, batch: 8 });
  const rows = x.toArray() as number[][];
  expect(rows.flat().every((v) => v > 0.2 && v < 1.5)).toBe(true);
  const spread = rows.map((row) => Math.max(...row) - Math.min(...row));
  expect(Math.max(...spread)).toBeGreaterThan(0.5);
});

test("sequentialDigits are the same pictures by rows and by pixels, of all digits", () => {
  const rows = sequentialDigits(key(0), { batch: 200, by: "rows" });
  const pixels = sequentialDigits(key(0), { batch: 200 });
  expect(rows.labels.toArray()).toEqual(pixels.labels.toArray());
  expect(new Set(rows.labels.toArray() as number[]).size).toBe(10);
  for (const b of [0, 7, 199]) {
    expect((column(rows.xs, b) as number[][]).flat()).toEqual(
      (column(pixels.xs, b) as number[][]).flat(),
    );
  }
});

test("sequentialDigits without noise show few glyphs for each digit, at many places", () => {
  const { xs, labels } = sequentialDigits(key(0), { batch: 600, by: "rows", noise: 0 });
  const glyphs = new Map<number, Set<string>>();
  (labels.toArray() as number[]).forEach((label, b) => {
    const rows = (column(xs, b) as number[][]).map((row) => row.join(""));
    const inked = rows.filter((row) => row.includes("1"));
    expect(inked).toHaveLength(7);
    const left = Math.min(...inked.map((row) => row.indexOf("1")));
    const glyph = inked.map((row) => row.slice(left).replace(/0+$/, "")).join("\n");
    glyphs.set(label, (glyphs.get(label) ?? new Set()).add(glyph));
  });
  const all = [...glyphs.values()];
  for (const of of all) expect(of.size).toBeLessThanOrEqual(4);
  // No picture belongs to two digits.
  expect(new Set(all.flatMap((of) => [...of])).size).toBe(all.reduce((n, of) => n + of.size, 0));
});

test("regionNames holds names out that it does not show, each of one language alone", () => {
  const {
    train,
    test: held,
    alphabet,
    languages,
  } = regionNames(key(0), {
    languages: ["en", "de", "fi"],
    heldOut: 0.25,
  });
  const names = [...train, ...held];
  expect(new Set(names.map(({ name }) => name)).size).toBe(names.length);
  expect(held.length / names.length).toBeCloseTo(0.25, 2);
  for (const { name, symbols, label } of names) {
    expect(Array.from(symbols, (s) => alphabet[s]).join("")).toBe(name);
    expect(symbols.every((s) => s > 0)).toBe(true);
    expect(label).toBeLessThan(languages.length);
  }
  const finland = names.filter(({ name }) => ["finland", "finnland", "suomi"].includes(name));
  expect(Object.fromEntries(finland.map(({ name, label }) => [name, languages[label]]))).toEqual({
    finland: "en",
    finnland: "de",
    suomi: "fi",
  });
  expect(() => regionNames(key(0), { languages: ["xx-none"] })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: regionNames: the host must know the language, got "xx-none".]`,
  );
  expect(() => regionNames(key(0), { heldOut: 1 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: regionNames: heldOut is from 0 and below 1, got 1.]`,
  );
});

test("characterText reads on where the batch before has ended", () => {
  const source = "the quick brown fox jumps over the lazy dog, and back again.";
  const text = characterText(source, { steps: 4, batch: 3 });
  const read = [0, 1, 2].map(() => "");
  for (let i = 0; i < text.count; i++) {
    const { xs, targets } = text.batch(i);
    for (let b = 0; b < 3; b++) {
      const [x, y] = [xs, targets].map((ids) =>
        (column(ids, b) as number[]).map((id) => text.alphabet[id]).join(""),
      );
      expect(y.slice(0, -1)).toBe(x.slice(1));
      read[b] += x;
    }
  }
  read.forEach((part) => expect(source).toContain(part));
  expect(read[0]).toBe(source.slice(0, read[0].length));
  expect(() => text.batch(text.count)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: characterText: batches are 0 to 3, got 4.]`,
  );
  expect(() => characterText("abc", { steps: 4, batch: 1 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: characterText: 1 places of 4 characters need 5 characters, got 3.]`,
  );
});

test("sumsInWords are right sums, of log₂ 100 bits each", () => {
  const names = "zero one two three four five six seven eight nine ten eleven twelve thirteen";
  const words = `${names} fourteen fifteen sixteen seventeen eighteen`.split(" ");
  const { text, bitsPerCharacter } = sumsInWords(key(0), 300);
  const lines = text.trimEnd().split("\n");
  expect(lines).toHaveLength(300);
  for (const line of lines) {
    const [, a, b, sum] = /^(\w+) plus (\w+) is (\w+)\.$/.exec(line) ?? [];
    expect(words.indexOf(a) + words.indexOf(b)).toBe(words.indexOf(sum));
  }
  expect(bitsPerCharacter * text.length).toBeCloseTo(300 * Math.log2(100), 6);
});
