/** @file The eager interpreter: computes a primitive now, on the backend its inputs live on. */
import type { Backend } from "../backend.ts";
import { defaultBackend } from "../default-backend.ts";
import { bytesOf } from "../dtype.ts";
import { BackendError } from "../errors.ts";
import { adopt, outsideScopes, Storage } from "../memory.ts";
import type { ManyPrimitive, OnePrimitive } from "../primitive.ts";
import { sizeOf, type TensorType } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import type { Shape } from "../shape.ts";

/** A kernel whose primitive is known only at run time. */
type AnyKernel<R> = (inputs: readonly unknown[], params: unknown, type: unknown) => R;

/** Computes a primitive with one result. */
export function runOne<P, S>(
  primitive: OnePrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
): Tensor {
  const backend = backendOf(primitive.name, inputs);
  const type = primitive.type(inputs, params);
  const kernel = kernelOf<unknown>(backend, primitive.name);
  return wrap(backend, kernel(valuesOf(inputs), params, type), type, inputs);
}

/** Computes a primitive with several results. */
export function runMany<P, S>(
  primitive: ManyPrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
): readonly Tensor[] {
  const backend = backendOf(primitive.name, inputs);
  const types = primitive.type(inputs, params);
  const kernel = kernelOf<readonly unknown[]>(backend, primitive.name);
  const values = kernel(valuesOf(inputs), params, types);
  // Results may look at the memory of inputs, and of one another.
  const owners = [...inputs];
  return values.map((value, i) => {
    const result = wrap(backend, value, types[i], owners);
    owners.push(result);
    return result;
  });
}

/** A tensor for host data, on the given backend. */
export function upload(
  data: Parameters<Backend["upload"]>[0],
  type: TensorType,
  to: Backend,
): Tensor {
  return wrap(to, to.upload(data, type), type, []);
}

/** A second handle on a tensor's array that outlives every scope; the garbage collector owns it. */
export function keep<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const kept = new Tensor<S>(x, x.array, (x.storage as Storage).retain());
  outsideScopes(() => adopt(kept));
  return kept;
}

/** The backend that all inputs live on; the default one where there are none. */
function backendOf(op: string, inputs: readonly Tensor[]): Backend {
  if (inputs.length === 0) return defaultBackend();
  const backend = inputs[0].backend;
  for (let i = 1; i < inputs.length; i++) {
    const other = inputs[i].backend;
    if (other !== backend) {
      throw new BackendError(
        op,
        "all inputs must live on one backend",
        `"${backend.name}" and "${other.name}"`,
        `Move one of them: to(x, backend).`,
      );
    }
  }
  return backend;
}

/** A backend's kernel. Tables are complete by their types; plain JavaScript may still leave a hole. */
export function kernelOf<R>(
  backend: Pick<Backend, "name" | "kernels">,
  name: string,
): AnyKernel<R> {
  const kernel = (backend.kernels as Record<string, unknown>)[name];
  if (kernel === undefined) {
    throw new BackendError(name, `backend "${backend.name}" has no kernel for it`, "");
  }
  return kernel as AnyKernel<R>;
}

/** The backend's arrays of the inputs. */
function valuesOf(inputs: readonly Tensor[]): unknown[] {
  // Written out for the usual numbers: this runs for every op.
  if (inputs.length === 1) return [inputs[0].array];
  if (inputs.length === 2) return [inputs[0].array, inputs[1].array];
  return inputs.map(({ array }) => array);
}

/** A handle on a kernel's result, which may look at the memory of one of the inputs. */
export function wrap(
  backend: Backend,
  value: unknown,
  type: TensorType,
  inputs: readonly Tensor[],
  spare: readonly Storage[] = [],
): Tensor {
  const memory = backend.memoryOf(value);
  let storage: Storage | null = null;
  for (let i = 0; i < inputs.length && storage === null; i++) {
    const input = inputs[i];
    if (backend.memoryOf(input.array) === memory) storage = (input.storage as Storage).retain();
  }
  storage ??= spare.find((each) => each.reclaim(memory)) ?? null;
  storage ??= new Storage(backend, memory, sizeOf(type.shape) * bytesOf(type.dtype));
  const tensor = new Tensor(type, value, storage);
  adopt(tensor);
  return tensor;
}
