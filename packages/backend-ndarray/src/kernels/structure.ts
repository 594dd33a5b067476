/** @file Primitives that shape the tape and compute nothing. */
import type { Kernels } from "../array.ts";

/** `alias` gives back the array that it gets. */
export const structure: Kernels<"alias"> = {
  alias: ([x]) => x,
};
