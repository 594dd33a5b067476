/** @file Arrays from parameters alone. */
import { randomWords, sizeOf } from "@tapeloop/autograd/backend";
import { type Kernels, single, zeros } from "../array.ts";

/** `fill`, `iota` and `random`. */
export const leaf: Kernels<"fill" | "iota" | "random"> = {
  fill: (_, { value }, type) => {
    if (type.shape.length === 0) return single(value, type.dtype);
    const out = zeros(type);
    out.data.fill(value);
    return out;
  },

  iota: (_, __, type) => {
    const out = zeros(type);
    for (let i = 0; i < out.data.length; i++) out.data[i] = i;
    return out;
  },

  random: ([key], _, type) => {
    const out = zeros(type);
    const [k0, k1] = [key.get(0), key.get(1)];
    const count = sizeOf(type.shape);
    if (type.dtype === "float64") {
      const words = randomWords(k0, k1, 2 * count);
      for (let i = 0; i < count; i++) {
        const [a, b] = [words[2 * i] >>> 6, words[2 * i + 1] >>> 5];
        out.data[i] = (a * 2 ** 27 + b) * 2 ** -53;
      }
    } else {
      const words = randomWords(k0, k1, count);
      if (type.dtype === "int32") out.data.set(words);
      else for (let i = 0; i < count; i++) out.data[i] = (words[i] >>> 8) * 2 ** -24;
    }
    return out;
  },
};
