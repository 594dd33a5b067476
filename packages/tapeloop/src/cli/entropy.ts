/**
 * @file What a text's own statistics say about its predictability, in bits per character: the bars
 * that a trained model has to get below.
 *
 * Source: Shannon 1951, "Prediction and Entropy of Printed English", Bell System Technical Journal
 * 30, eq. 1: F_N = −Σ p(b,j) log2 p(j|b), with blocks b of N − 1 characters. The probabilities are
 * the frequencies in the very text that is measured, so no model of that order can do better on it.
 */

/** F_1 = −Σ p(j) log2 p(j): what is best if only the frequencies of characters are known. */
export function characterEntropy(ids: Int32Array): number {
  return entropyOf(countsOf(ids, (i) => ids[i], 0).values());
}

/** F_2 = −Σ p(i,j) log2 p(j|i): what is best if the character before is known. NaN below 2 characters. */
export function bigramEntropy(ids: Int32Array): number {
  // H(X_t | X_{t-1}) = H(X_{t-1}, X_t) − H(X_{t-1}), all counted over the same pairs.
  const size = ids.reduce((most, id) => Math.max(most, id), 0) + 1;
  const pairs = countsOf(ids, (i) => ids[i - 1] * size + ids[i], 1);
  const first = countsOf(ids, (i) => ids[i - 1], 1);
  return entropyOf(pairs.values()) - entropyOf(first.values());
}

/** A cross-entropy in nats per character, in bits. */
export function bitsPerCharacter(nats: number): number {
  return nats / Math.LN2;
}

function countsOf(ids: Int32Array, key: (i: number) => number, start: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (let i = start; i < ids.length; i++) {
    const k = key(i);
    counts.set(k, (counts.get(k) ?? 0) + 1);
  }
  return counts;
}

/** −Σ p log2 p of counts, as log2 n − (Σ c log2 c) / n. */
function entropyOf(counts: Iterable<number>): number {
  let [total, weighted] = [0, 0];
  for (const count of counts) {
    total += count;
    weighted += count * Math.log2(count);
  }
  return Math.log2(total) - weighted / total;
}
