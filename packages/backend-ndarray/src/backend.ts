/** @file The backend: the table of kernels, and data in and out. */
import type { Backend, TensorType, TypedArray } from "@tapeloop/autograd/backend";
import { copy, type NdArray, view } from "./array.ts";
import { kernels } from "./kernels/index.ts";

/**
 * The reference backend: every primitive in plain loops over `ndarray`s, in float32 and float64. Other
 * backends are right if they agree with it.
 */
export const ndarrayBackend: Backend<NdArray> = {
  name: "ndarray",
  kernels,
  upload: (data: TypedArray, type: TensorType) => view(data, type),
  read: (value) => Promise.resolve(copy(value).data),
  readSync: (value) => copy(value).data,
  memoryOf: (value) => value.data,
};
