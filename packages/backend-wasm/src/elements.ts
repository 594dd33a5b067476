/** @file Single elements of every type: the instructions that load, store and add them. */
import type { DType } from "@tapeloop/autograd/backend";
import type { MemoryOp, PlainOp, ValueType } from "./instructions.ts";

/** The instructions of an element type. */
export interface Element {
  /** What a loaded element is. */
  readonly value: ValueType;
  readonly load: MemoryOp;
  readonly store: MemoryOp;
  /** Adds one to a total below it on the stack; totals of float32 are float64. */
  readonly addTo: readonly PlainOp[];
  /** Whether the lower one on the stack is greater. */
  readonly isGreater: PlainOp;
  /** Makes an element of a whole number. */
  readonly fromWhole: readonly PlainOp[];
}

const elements: Readonly<Record<DType, Element>> = {
  float32: {
    value: "f32",
    load: "f32.load",
    store: "f32.store",
    addTo: ["f64.promote_f32", "f64.add"],
    isGreater: "f32.gt",
    fromWhole: ["f32.convert_i32_s"],
  },
  float64: {
    value: "f64",
    load: "f64.load",
    store: "f64.store",
    addTo: ["f64.add"],
    isGreater: "f64.gt",
    fromWhole: ["f64.convert_i32_s"],
  },
  int32: {
    value: "i32",
    load: "i32.load",
    store: "i32.store",
    addTo: ["i32.add"],
    isGreater: "i32.gt_s",
    fromWhole: [],
  },
  bool: {
    value: "i32",
    load: "i32.load8_u",
    store: "i32.store8",
    addTo: ["i32.add"],
    isGreater: "i32.gt_s",
    fromWhole: [],
  },
};

/** The instructions of an element type. */
export function elementOf(dtype: DType): Element {
  return elements[dtype];
}

/** The type of totals. */
export function totalOf(dtype: DType): DType {
  return dtype === "float32" ? "float64" : dtype;
}
