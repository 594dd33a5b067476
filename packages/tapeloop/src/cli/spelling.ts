/** @file The word that was probably meant. */

/** The word nearest to what was written, if it is near enough to be a slip of the fingers. */
export function closest(written: string, words: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(written.replace(/^-+/, "").length / 3)) + 1;
  for (const word of words) {
    const distance = editDistance(written, word);
    if (distance < least) [best, least] = [word, distance];
  }
  return best;
}

/**
 * The least number of single letters to insert, delete, replace or swap with their neighbour.
 *
 * Source: the optimal string alignment distance; Damerau 1964, Communications of the ACM 7(3).
 */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let least = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, before[j - 2] + 1);
      }
      row.push(least);
    }
    [before, above] = [above, row];
  }
  return above[b.length];
}
