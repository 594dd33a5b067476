/**
 * @file A program that saves a file again and again until it is killed. Each file holds its
 * number in every element; the number is printed when its save is done.
 */
import { loadSafetensors, saveSafetensors } from "@tapeloop/io/node";

const path = process.argv[2] ?? "";
const before = await loadSafetensors(path).catch(() => undefined);
for (let number = Number(before?.metadata["number"] ?? 0) + 1; ; number++) {
  const data = new Float64Array(20_000).fill(number);
  const all = { dtype: "float64", shape: [data.length], data } as const;
  await saveSafetensors(path, { all }, { number: `${number}` });
  process.stdout.write(`${number}\n`);
}
