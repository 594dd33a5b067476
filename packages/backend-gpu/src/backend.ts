/** @file The backend: a device that was chosen and tried, its table of kernels, data in and out. */
import {
  ArgumentError,
  type Backend,
  BackendUnavailableError,
  checkOptions,
  type CompiledProgram,
  type Program,
  type TensorType,
  type TypedArray,
} from "@tapeloop/autograd/backend";
import type { GpuArray, Memory } from "./array.ts";
import type { Device, DeviceReport } from "./device.ts";
import type { GpuJsMode } from "./gpujs.ts";
import { kernelsOn } from "./kernels.ts";
import { openDevice } from "./open.ts";
import { compileProgram } from "./plan/compile.ts";
import { elsewhereIn } from "./plan/elsewhere.ts";
import { read, readLater, upload } from "./transfer.ts";

/**
 * Where kernels run. `webgl2` and `webgl`: in browsers. `headlessgl`: in Node, with the package gl.
 * `gpu`: the first of these that is there. `cpu` and `webasm`: without any device, to try kernels out.
 * `auto`: as `gpu`, or the other backend where there is no device. `webgpu`: kernels are queued, and values
 * cannot be read at once.
 */
export type GpuMode = GpuJsMode | "gpu" | "auto";

/** How {@link gpuBackend} computes. */
export interface GpuOptions<V> {
  /** Where kernels run; see {@link GpuMode}. Default: `gpu`. */
  readonly mode?: GpuMode;
  /** Where all else runs: float64, whole numbers, random numbers, sorting; it must be one that can be read at once. */
  readonly elsewhere: Backend<V>;
}

/** A backend on a device. */
export interface GpuBackend extends Backend<GpuArray> {
  /** What the device is, what it has done, and what it holds. */
  report(): DeviceReport;
}

const modes: readonly GpuMode[] = [
  "webgl2",
  "webgl",
  "webgpu",
  "headlessgl",
  "cpu",
  "webasm",
  "gpu",
  "auto",
];

/** The modes that compute on graphics hardware, the best one first. */
const graphics: readonly GpuJsMode[] = ["webgl2", "webgl", "headlessgl"];

/**
 * The backend on graphics hardware: kernels as source for gpu.js, which must be installed.
 *
 * @throws BackendUnavailableError where there is no such device, with the reason. Nothing else is ever taken
 *   in its place, but by mode `auto`, which says so.
 *
 * @example
 * ```ts
 * import { gpuBackend } from "@tapeloop/backend-gpu";
 * import { ndarrayBackend, tensor } from "tapeloop";
 *
 * // Kernels as the device would run them, in plain JavaScript: to try things out in Node.
 * const backend = await gpuBackend({ mode: "cpu", elsewhere: ndarrayBackend });
 * const x = tensor([1, 2], { backend });
 * console.log(await x.mul(x).sum().data()); // Float32Array(1) [ 5 ]
 * ```
 */
export function gpuBackend<V>(
  options: GpuOptions<V> & { readonly mode: "auto" },
): Promise<GpuBackend | Backend<V>>;
export function gpuBackend<V>(options: GpuOptions<V>): Promise<GpuBackend>;
export async function gpuBackend<V>(options: GpuOptions<V>): Promise<GpuBackend | Backend<V>> {
  checkOptions("gpuBackend", options, ["mode", "elsewhere"]);
  const { mode = "gpu", elsewhere } = options;
  if (!modes.includes(mode)) {
    throw new ArgumentError("gpuBackend", `mode is one of ${modes.join(", ")}`, `"${mode}"`);
  }
  try {
    return on(await deviceFor(mode), elsewhere);
  } catch (error) {
    if (mode !== "auto" || !(error instanceof BackendUnavailableError)) throw error;
    // oxlint-disable-next-line no-console -- a fall-back is never silent
    console.warn(`${error.message} The backend "${elsewhere.name}" runs in its place.`);
    return elsewhere;
  }
}

/** The device for a mode. */
async function deviceFor(mode: GpuMode): Promise<Device> {
  if (mode !== "gpu" && mode !== "auto") return openDevice(mode);
  const reasons: string[] = [];
  for (const each of graphics) {
    try {
      return await openDevice(each);
    } catch (error) {
      if (!(error instanceof BackendUnavailableError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new BackendUnavailableError(
    "gpuBackend",
    "needs graphics hardware that gpu.js can use",
    `none:\n${reasons.map((reason) => `  ${reason}`).join("\n")}\n`,
    'Use mode: "auto", which takes the other backend where there is no device.',
  );
}

/** The backend on a device. */
function on<V>(device: Device, elsewhere: Backend<V>): GpuBackend {
  const { isSoftware, mode, renderer } = device.report();
  if (isSoftware && !device.isHost) {
    // oxlint-disable-next-line no-console -- a slow device is never taken for a fast one
    console.warn(
      `gpuBackend: the ${mode} device is a program (${renderer}): it is right, and slower than the CPU backends.`,
    );
  }
  const compile = (program: Program, donated: readonly number[] = []): CompiledProgram<GpuArray> =>
    compileProgram({ device, kernels }, program, donated);
  const kernels = kernelsOn(device, elsewhere, compile);
  return {
    name: "gpu",
    kernels,
    compile,
    elsewhere: elsewhereIn,
    upload: (data: TypedArray, type: TensorType) => upload(device, data, type),
    read: (value) => readLater(device, value),
    readSync: (value) => read(device, value),
    memoryOf: ({ memory }) => memory,
    release: (memory) => (memory as Memory).release(),
    report: () => device.report(),
  };
}
