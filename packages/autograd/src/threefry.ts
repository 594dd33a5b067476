/**
 * @file Threefry-2x32-20: a counter-based random generator, the same bits on every machine.
 * Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.2; checked against the
 * known answers published with it.
 */

/** Rotations of rounds 0–3 and 4–7, repeated. Salmon et al. 2011, table 3. */
const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

/** The block of the counter `(c0, c1)` under the key `(k0, k1)`, written to `out[at]` and `out[at + 1]`. */
export function threefry2x32(
  k0: number,
  k1: number,
  c0: number,
  c1: number,
  out: Int32Array,
  at: number,
): void {
  const k2 = k0 ^ k1 ^ 0x1bd11bda;
  const keys = [k0, k1, k2];
  let x0 = (c0 + k0) | 0;
  let x1 = (c1 + k1) | 0;
  for (let group = 0; group < 5; group++) {
    for (const r of rotations[group % 2] as readonly number[]) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << r) | (x1 >>> (32 - r))) ^ x0;
    }
    x0 = (x0 + keys[(group + 1) % 3]) | 0;
    x1 = (x1 + keys[(group + 2) % 3] + group + 1) | 0;
  }
  out[at] = x0;
  if (at + 1 < out.length) out[at + 1] = x1;
}

/**
 * `count` random 32-bit words of a key: the blocks of the counters (0, 0), (1, 0), … one after the other.
 *
 * @param k0 - The key's first word.
 * @param k1 - The key's second word.
 * @param count - How many words.
 */
export function randomWords(k0: number, k1: number, count: number): Int32Array {
  const out = new Int32Array(count);
  for (let i = 0; i < count; i += 2) threefry2x32(k0, k1, i >> 1, 0, out, i);
  return out;
}
