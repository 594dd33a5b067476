/** @file What updates have in common: they are not recorded, and they are counted. */
import {
  add,
  type DType,
  leaves,
  noGrad,
  scope,
  type Tensor,
  tensor,
  type Tree,
} from "@tapeloop/autograd";

/** Runs an update: without recording, and giving back all but its result. */
export function pure<R>(update: () => R): R {
  return noGrad(() => scope(update));
}

/** 0 updates so far, where the parameters live: int32[]. */
export function firstStep(params: Tree): Tensor {
  const [first] = leaves(params);
  return tensor(0, { dtype: "int32", ...(first && { backend: first.backend }) });
}

/** One update more. */
export function nextStep(step: Tensor): Tensor {
  return add(step, 1);
}

/** Asks `f` once for each element type. */
export function perType<R>(f: (dtype: DType) => R): (dtype: DType) => R {
  const known = new Map<DType, R>();
  return (dtype) => {
    if (!known.has(dtype)) known.set(dtype, f(dtype));
    return known.get(dtype) as R;
  };
}
