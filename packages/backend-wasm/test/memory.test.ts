import fc from "fast-check";
import { expect, test } from "vitest";
import { LinearMemory, type Part } from "../src/memory.ts";

test("parts never overlap, whatever is asked for and given back, and all of it can be used", () => {
  const request = fc.record({ bytes: fc.nat(5000), isReturn: fc.boolean(), which: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
      const memory = new LinearMemory();
      const live: { part: Part; bytes: number }[] = [];
      for (const { bytes, isReturn, which } of requests) {
        if (isReturn && live.length > 0) {
          const [{ part }] = live.splice(which % live.length, 1);
          memory.release(part);
        } else live.push({ part: memory.allocate(bytes), bytes });
        for (const { part, bytes: size } of live) {
          expect(part.pointer % 64).toBe(0);
          expect(part.pointer + size).toBeLessThanOrEqual(memory.memory.buffer.byteLength);
        }
        const sorted = live.map(({ part }) => part).toSorted((a, b) => a.pointer - b.pointer);
        sorted.slice(1).forEach((part, i) => {
          expect(sorted[i].pointer + sorted[i].size).toBeLessThanOrEqual(part.pointer);
        });
      }
      for (const { part } of live) memory.release(part);
      expect(memory.used).toBe(0);
    }),
  );
});

test("what is given back is used again", () => {
  const memory = new LinearMemory();
  const first = memory.allocate(1000);
  memory.release(first);
  expect(memory.allocate(1000).pointer).toBe(first.pointer);
});

test("growing keeps what is there", () => {
  const memory = new LinearMemory();
  const part = memory.allocate(16);
  memory.view("float32", part.pointer, 4).set([1, 2, 3, 4]);
  memory.allocate(1_000_000);
  expect([...memory.view("float32", part.pointer, 4)]).toEqual([1, 2, 3, 4]);
});

test("more than there is is refused with the size, and changes nothing", () => {
  const memory = new LinearMemory();
  const { used } = memory;
  expect(() => memory.allocate(2 ** 33)).toThrow(
    /^memory: the backend "wasm" holds at most 4294967296 bytes, and what the machine has, got 8589934592 bytes more than 0\. Work in smaller batches\.$/,
  );
  expect(memory.used).toBe(used);
});
