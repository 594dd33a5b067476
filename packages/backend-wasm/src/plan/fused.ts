/** @file One kernel for many functions of single elements: several results, what lies between them in registers. */
import { sizeOf } from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import { loadLanes, storeLanes } from "../elementwise.ts";
import type { Body } from "../emitter.ts";
import { bits, type Expression, op, Writer } from "../expression.ts";
import type { Machine } from "../machine.ts";
import { offsetsOf, rowsOf } from "../rows.ts";
import { addressIn, type Clock, type Located } from "./located.ts";

/** What a fused kernel reads, computes and writes. */
export interface Fused {
  /** Operands, by their numbers in the expressions. */
  readonly operands: readonly Located[];
  /** Where results go. All arrays have one shape. */
  readonly results: readonly Located[];
  /** What they are. */
  readonly values: readonly Expression[];
}

/** An expression in words, by which equal kernels are known. */
function wordsOf(values: readonly Expression[]): string {
  const names = new Map<Expression, number>();
  const lines: string[] = [];
  const name = (x: Expression): string => {
    if (x.kind === "operand") return `o${x.index}`;
    if (x.kind !== "op") return `${x.kind} ${Object.is(x.value, -0) ? "-0" : x.value}`;
    const known = names.get(x);
    if (known !== undefined) return `v${known}`;
    const inputs = x.inputs.map(name).join(" ");
    names.set(x, lines.length);
    lines.push(`${x.name} ${inputs}`);
    return `v${lines.length - 1}`;
  };
  return `${values.map(name).join()}: ${lines.join("; ")}`;
}

/** How a kernel walks along its arrays: known when it is written, but for the addresses. */
interface Walk {
  /** Elements of a row. */
  readonly length: number;
  /** How many rows one call does. */
  readonly rows: number;
  /** Bytes from a row to the next, for every array. */
  readonly steps: readonly number[];
  /** Whether an array has one element for a whole row. */
  readonly isOne: readonly boolean[];
}

/** The kernel as an instruction of a plan. */
export function fusedInstruction(machine: Machine, clock: Clock, fused: Fused): () => void {
  const { operands, results, values } = fused;
  const { shape } = results[0];
  if (sizeOf(shape) === 0) return () => undefined;
  const arrays = [...results, ...operands];
  const { sizes, strides, inner, length } = rowsOf(shape, arrays);
  const widths = arrays.map(({ dtype }) => bytesOf(dtype));
  // The innermost of the outer axes is walked along in the kernel, the others here.
  const rows = sizes.at(-1) ?? 1;
  const walk: Walk = {
    length,
    rows,
    steps: strides.map((list, k) => (list.at(-1) ?? 0) * widths[k]),
    isOne: inner.map((stride) => stride === 0 && length > 1),
  };
  const outer = { sizes: sizes.slice(0, -1), strides: strides.map((list) => list.slice(0, -1)) };
  const types = arrays.map(({ dtype }) => dtype).join();
  const slot = machine.slot(`${wordsOf(values)} | ${types} ${JSON.stringify(walk)}`, {
    parameters: arrays.map(() => "i32" as const),
    write: (body) => writeFused(body, fused, walk),
  });
  const addresses = arrays.map((x) => addressIn(clock, x));
  const offsets = offsetsOf(outer, widths);
  const numbers = arrays.map(() => 0);
  return () => {
    const starts = addresses.map((address) => address());
    for (const row of offsets) {
      for (let k = 0; k < row.length; k++) numbers[k] = starts[k] + row[k];
      Reflect.apply(slot.run, undefined, numbers);
    }
  };
}

/** Writes the kernel: parameters are the first elements of the results, and of the operands. */
function writeFused(
  body: Body,
  { operands, results, values }: Fused,
  { length, rows, steps, isOne }: Walk,
): void {
  const arrays = [...results, ...operands];
  const [first, rest] = [results.length, length % 4];
  const writer = new Writer(body);
  const stored = values.map((value, i) =>
    results[i].dtype === "bool" ? op("v128.and", value, bits(1)) : value,
  );
  for (const value of stored) writer.prepare(value);
  const lanes = operands.map(() => body.local("v128"));
  const pointers = rows > 1 ? arrays.map(() => body.local("i32")) : arrays.map((_, k) => k);
  const [vectorsEnd, rowsEnd] = [body.local("i32"), body.local("i32")];
  const turn = (count: number): void => {
    operands.forEach(({ dtype }, i) => {
      if (isOne[first + i]) return;
      loadLanes(body, dtype, pointers[first + i], false);
      body.set(lanes[i]);
    });
    writer.begin(lanes);
    // All values before any is stored: a result may take the place of an operand.
    const found = stored.map((value) => {
      const local = body.local("v128");
      writer.write(value);
      body.set(local);
      return local;
    });
    found.forEach((value, i) => storeLanes(body, results[i].dtype, pointers[i], value, count));
  };
  const row = (): void => {
    operands.forEach(({ dtype }, i) => {
      if (!isOne[first + i]) return;
      loadLanes(body, dtype, pointers[first + i], true);
      body.set(lanes[i]);
    });
    if (length >= 4) {
      const bytes = (length - rest) * bytesOf(results[0].dtype);
      body.get(pointers[0]).i32(bytes).op("i32.add").set(vectorsEnd);
      body.loopUntil(pointers[0], vectorsEnd, () => {
        turn(4);
        arrays.forEach(({ dtype }, k) => {
          if (!isOne[k]) body.advance(pointers[k], 4 * bytesOf(dtype));
        });
      });
    }
    if (rest > 0) turn(rest);
  };
  if (rows === 1) {
    row();
    return;
  }
  body
    .get(0)
    .i32(rows * steps[0])
    .op("i32.add")
    .set(rowsEnd);
  body.loopUntil(0, rowsEnd, () => {
    arrays.forEach((_, k) => body.get(k).set(pointers[k]));
    row();
    arrays.forEach((_, k) => {
      if (steps[k] !== 0) body.advance(k, steps[k]);
    });
  });
}
