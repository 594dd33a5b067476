/** @file Single elements of every type: the instructions that load, store and add them. */
import type { DType } from "@tapeloop/autograd/backend";
import type { MemoryOp, PlainOp, ValueType } from "./instructions.ts";

/** The instructions of an element type. */
export interface Element {
  /** What a loaded element is. */
  readonly value: ValueType;
  /** Bytes of one. */
  readonly bytes: number;
  readonly load: MemoryOp;
  readonly store: MemoryOp;
  readonly add: PlainOp;
  /** Whether the lower one on the stack is greater. */
  readonly isGreater: PlainOp;
  /** Makes an element of a whole number. */
  readonly fromWhole: readonly PlainOp[];
}

const elements: Readonly<Record<DType, Element>> = {
  float32: {
    value: "f32",
    bytes: 4,
    load: "f32.load",
    store: "f32.store",
    add: "f32.add",
    isGreater: "f32.gt",
    fromWhole: ["f32.convert_i32_s"],
  },
  float64: {
    value: "f64",
    bytes: 8,
    load: "f64.load",
    store: "f64.store",
    add: "f64.add",
    isGreater: "f64.gt",
    fromWhole: ["f64.convert_i32_s"],
  },
  int32: {
    value: "i32",
    bytes: 4,
    load: "i32.load",
    store: "i32.store",
    add: "i32.add",
    isGreater: "i32.gt_s",
    fromWhole: [],
  },
  bool: {
    value: "i32",
    bytes: 1,
    load: "i32.load8_u",
    store: "i32.store8",
    add: "i32.add",
    isGreater: "i32.gt_s",
    fromWhole: [],
  },
};

/** The instructions of an element type. */
export function elementOf(dtype: DType): Element {
  return elements[dtype];
}
