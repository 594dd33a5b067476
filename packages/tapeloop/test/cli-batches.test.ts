import { expect, test } from "vitest";
import { Batches } from "../src/cli/batches.ts";
import { bigramEntropy, bitsPerCharacter, characterEntropy } from "../src/cli/entropy.ts";
import { UsageError } from "../src/cli/usage-error.ts";
import { Vocabulary } from "../src/cli/vocabulary.ts";

const count = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i);
const idsOf = (text: string): Int32Array => Vocabulary.of(text).encode(text);

test("each stream reads on where it stopped, and targets are one character ahead", () => {
  // 14 characters: 13 with a successor, 2 streams of 6, that is 3 positions of 2.
  const batches = new Batches(count(14), { streams: 2, steps: 2 });
  expect(batches.length).toBe(3);
  const read = [0, 1, 2].map((position) => batches.at(position));
  expect(read.map(({ inputs }) => Array.from(inputs))).toEqual([
    [0, 6, 1, 7], // time-major: time 0 of both streams, then time 1
    [2, 8, 3, 9],
    [4, 10, 5, 11],
  ]);
  expect(read.map(({ targets }) => Array.from(targets))).toEqual([
    [1, 7, 2, 8],
    [3, 9, 4, 10],
    [5, 11, 6, 12],
  ]);
});

test("after the last position the streams start anew, and say so", () => {
  const batches = new Batches(count(14), { streams: 2, steps: 2 });
  const marks = [0, 1, 2, 3, 4, 6].map((p) => [batches.at(p).epoch, batches.at(p).startsEpoch]);
  expect(marks).toEqual([
    [0, true],
    [0, false],
    [0, false],
    [1, true],
    [1, false],
    [2, true],
  ]);
  expect(batches.at(4).inputs).toEqual(batches.at(1).inputs);
});

test("what comes depends on the position alone, so that a run can resume anywhere", () => {
  const ids = count(100);
  const through = new Batches(ids, { streams: 3, steps: 4 });
  const all = Array.from({ length: 20 }, (_, p) => through.at(p));
  const resumed = new Batches(ids, { streams: 3, steps: 4 });
  for (const p of [19, 3, 11]) expect(resumed.at(p)).toEqual(all[p]);
});

test("no pair of characters is read twice in an epoch, and few are left out", () => {
  for (let length = 7; length < 60; length++) {
    const batches = new Batches(count(length), { streams: 3, steps: 2 });
    const seen = Array.from({ length: batches.length }, (_, p) => {
      const { inputs, targets } = batches.at(p);
      expect(targets).toEqual(inputs.map((id) => id + 1));
      return [...inputs];
    }).flat();
    expect(new Set(seen).size).toBe(seen.length);
    expect(length - seen.length).toBeLessThanOrEqual(3 + 3 * 2 - 1);
  }
});

test("a text of one position is enough, one character less is refused", () => {
  expect(new Batches(count(7), { streams: 3, steps: 2 }).length).toBe(1);
  expect(
    () => new Batches(count(6), { streams: 3, steps: 2, what: "the validation text" }),
  ).toThrow(
    new UsageError(
      "the validation text has 6 characters, but 3 streams of 2 need 7. " +
        "Use fewer or shorter streams.",
    ),
  );
  expect(() => new Batches(count(0), { streams: 1, steps: 1 })).toThrow(UsageError);
});

test("entropies are those counted by hand", () => {
  // Two characters, half each: 1 bit. Each is followed by the other always: 0 bits.
  expect(characterEntropy(idsOf("abababab"))).toBeCloseTo(1, 14);
  expect(bigramEntropy(idsOf("abababab"))).toBeCloseTo(0, 14);
  // a ½, b ¼, c ¼: ½·1 + ¼·2 + ¼·2 = 1.5 bits.
  expect(characterEntropy(idsOf("aabc"))).toBeCloseTo(1.5, 14);
  // Pairs of "aabacaa": aa ab ba ac ca aa. After a (4 of 6): a a b c, 1.5 bits; after b, c: 0.
  expect(bigramEntropy(idsOf("aabacaa"))).toBeCloseTo((4 / 6) * 1.5, 14);
  // A de Bruijn cycle of two letters: after each, both equally often. 00110 has 00 01 11 10.
  expect(bigramEntropy(Int32Array.of(0, 0, 1, 1, 0))).toBeCloseTo(1, 14);
  expect(characterEntropy(new Int32Array(9))).toBe(0);
  expect(bigramEntropy(new Int32Array(9))).toBe(0);
});

test("knowing the character before never costs bits in a long text", () => {
  const ids = idsOf("the quick brown fox jumps over the lazy dog. ".repeat(20));
  expect(bigramEntropy(ids)).toBeLessThan(characterEntropy(ids));
});

test("one bit is ln 2 nats", () => {
  expect(bitsPerCharacter(Math.log(2))).toBe(1);
  expect(bitsPerCharacter(Math.log(256))).toBeCloseTo(8, 14); // a uniform choice of 256
});
