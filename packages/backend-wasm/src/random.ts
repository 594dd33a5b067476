/**
 * @file Random numbers: Threefry-2x32-20 on four counters at a time, the same bits as everywhere. Salmon et al.
 * 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.2.
 */
import { type DType, sizeOf, type TensorType } from "@tapeloop/autograd/backend";
import { addressOf, bytesOf, fresh, isRowMajor, type WasmArray } from "./array.ts";
import type { Body } from "./emitter.ts";
import { bits, double, type Expression, float, op, operand, shift, Writer } from "./expression.ts";
import { rowMajor } from "./layout.ts";
import type { Machine } from "./machine.ts";

/** Rotations of rounds 0–3 and 4–7, repeated. Salmon et al. 2011, table 3. */
const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

const add = (x: Expression, y: Expression): Expression => op("i32x4.add", x, y);
const xor = (x: Expression, y: Expression): Expression => op("v128.xor", x, y);

/** The two words of the block of each counter (c, 0) under a key. */
function threefry(c: Expression, k0: Expression, k1: Expression): [Expression, Expression] {
  const keys = [k0, k1, xor(xor(k0, k1), bits(0x1bd11bda))];
  let [x0, x1] = [add(c, k0), k1];
  for (let group = 0; group < 5; group++) {
    for (const by of rotations[group % 2]) {
      x0 = add(x0, x1);
      const turned = op("v128.or", shift("i32x4.shl", x1, by), shift("i32x4.shr_u", x1, 32 - by));
      x1 = xor(turned, x0);
    }
    x0 = add(x0, keys[(group + 1) % 3]);
    x1 = add(add(x1, keys[(group + 2) % 3]), bits(group + 1));
  }
  return [x0, x1];
}

/** The vectors of eight words in a row, or of the four float64 that they make. */
function numbersOf(dtype: DType, x0: Expression, x1: Expression): readonly Expression[] {
  if (dtype === "float64") {
    const [high, low] = [shift("i32x4.shr_u", x0, 6), shift("i32x4.shr_u", x1, 5)];
    return [(x: Expression) => x, (x: Expression) => op("halves.swap", x, x)].map((half) => {
      const [a, b] = [high, low].map((x) => op("f64x2.convert_low_i32x4_s", half(x)));
      const whole = op("f64x2.add", op("f64x2.mul", a, double(2 ** 27)), b);
      return op("f64x2.mul", whole, double(2 ** -53));
    });
  }
  const words = [op("words.zip_low", x0, x1), op("words.zip_high", x0, x1)];
  if (dtype === "int32") return words;
  return words.map((x) =>
    op("f32x4.mul", op("f32x4.convert_i32x4_s", shift("i32x4.shr_u", x, 8)), float(2 ** -24)),
  );
}

/** Writes the kernel: parameters are the end of the result, its beginning, and the key. */
function writeKernel(body: Body, dtype: DType): void {
  const [end, out, key] = [0, 1, 2];
  const [counter, k0, k1] = [0, 1, 2].map(() => body.local("v128"));
  const values = numbersOf(dtype, ...threefry(operand(0), operand(1), operand(2)));
  const writer = new Writer(body);
  for (const value of values) writer.prepare(value);
  const step = body.local("v128");
  body.i32(4).op("i32x4.splat").set(step);
  body.get(key).at("v128.load32_splat").set(k0);
  body.get(key).at("v128.load32_splat", 4).set(k1);
  body.zero([counter]);
  for (const lane of [1, 2, 3]) {
    body.get(counter).i32(lane).lane("i32x4.replace_lane", lane).set(counter);
  }
  body.loopUntil(out, end, () => {
    writer.begin([counter, k0, k1]);
    values.forEach((value, i) => {
      const made = body.local("v128");
      writer.write(value);
      body
        .set(made)
        .get(out)
        .get(made)
        .at("v128.store", 16 * i);
    });
    body.advance(out, 32).get(counter).get(step).op("i32x4.add").set(counter);
  });
}

/** Random numbers of a key: whole ones of 32 bits, or real ones in [0, 1). */
export function random(machine: Machine, key: WasmArray, type: TensorType): WasmArray {
  const out = fresh(type, machine.memory);
  const bytes = sizeOf(type.shape) * bytesOf(type.dtype);
  if (bytes === 0) return out;
  const words = isRowMajor(key) ? key : rowMajor(machine, key);
  const run = machine.kernel(`random ${type.dtype}`, {
    parameters: ["i32", "i32", "i32"],
    write: (body) => writeKernel(body, type.dtype),
  });
  run(out.part.pointer + bytes, out.part.pointer, addressOf(words));
  if (words !== key) machine.memory.release(words.part);
  return out;
}
