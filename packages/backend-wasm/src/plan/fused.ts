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

/** The kernel as an instruction of a plan. */
export function fusedInstruction(machine: Machine, clock: Clock, fused: Fused): () => void {
  const { operands, results, values } = fused;
  const { shape } = results[0];
  if (sizeOf(shape) === 0) return () => undefined;
  const arrays = [...results, ...operands];
  const rows = rowsOf(shape, arrays);
  const isOne = rows.inner.map((stride) => stride === 0 && rows.length > 1);
  const rest = rows.length % 4;
  const hasVectors = rows.length >= 4;
  const types = arrays.map(({ dtype }) => dtype).join();
  const key = `${wordsOf(values)} | ${types} ${isOne.map(Number).join("")} ${rest} ${hasVectors}`;
  const slot = machine.slot(key, {
    parameters: ["i32", ...arrays.map(() => "i32" as const)],
    write: (body) => writeFused(body, fused, isOne, rest, hasVectors),
  });
  const addresses = arrays.map((x) => addressIn(clock, x));
  const widths = arrays.map(({ dtype }) => bytesOf(dtype));
  const offsets = offsetsOf(rows, widths);
  const vectors = (rows.length - rest) * widths[0];
  const numbers: number[] = Array.from({ length: arrays.length + 1 }, () => 0);
  return () => {
    const starts = addresses.map((address) => address());
    for (const row of offsets) {
      for (let k = 0; k < row.length; k++) numbers[k + 1] = starts[k] + row[k];
      numbers[0] = numbers[1] + vectors;
      Reflect.apply(slot.run, undefined, numbers);
    }
  };
}

/** Writes the kernel: parameters are the end of the first result's vectors, the results, the operands. */
function writeFused(
  body: Body,
  { operands, results, values }: Fused,
  isOne: readonly boolean[],
  rest: number,
  hasVectors: boolean,
): void {
  // Behind the end of the first result.
  const [pointers, first] = [1, results.length];
  const writer = new Writer(body);
  const stored = values.map((value, i) =>
    results[i].dtype === "bool" ? op("v128.and", value, bits(1)) : value,
  );
  for (const value of stored) writer.prepare(value);
  const lanes = operands.map(() => body.local("v128"));
  operands.forEach(({ dtype }, i) => {
    if (!isOne[first + i]) return;
    loadLanes(body, dtype, pointers + first + i, true);
    body.set(lanes[i]);
  });
  const turn = (count: number): void => {
    operands.forEach(({ dtype }, i) => {
      if (isOne[first + i]) return;
      loadLanes(body, dtype, pointers + first + i, false);
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
    found.forEach((value, i) => storeLanes(body, results[i].dtype, pointers + i, value, count));
  };
  if (hasVectors) {
    body.loopUntil(pointers, 0, () => {
      turn(4);
      [...results, ...operands].forEach(({ dtype }, k) => {
        if (!isOne[k]) body.advance(pointers + k, 4 * bytesOf(dtype));
      });
    });
  }
  if (rest > 0) turn(rest);
}
