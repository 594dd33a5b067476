/** @file Devices that were seen to compute. */
import { BackendUnavailableError } from "@tapeloop/autograd/backend";
import { Device, ours } from "./device.ts";
import {
  type GpuJs,
  type GpuJsMode,
  type GpuJsModule,
  type GraphicsContext,
  loadGpuJs,
} from "./gpujs.ts";

/** Devices by mode: browsers take the oldest graphics context away when there are too many. */
const devices = new Map<GpuJsMode, Device>();

/**
 * The device for a mode.
 *
 * @throws BackendUnavailableError if gpu.js does not run kernels in this mode here.
 */
export async function openDevice(mode: GpuJsMode): Promise<Device> {
  const known = devices.get(mode);
  if (known !== undefined && !isLost(known)) return known;
  const device = await probe(await loadGpuJs(), mode);
  devices.set(mode, device);
  return device;
}

/** Whether a device has gone. */
function isLost(device: Device): boolean {
  try {
    device.check();
    return false;
  } catch {
    return true;
  }
}

/** A device that has been seen to compute: gpu.js may take another mode without a word. */
async function probe({ GPU }: GpuJsModule, mode: GpuJsMode): Promise<Device> {
  const refuse = (reason: string): BackendUnavailableError =>
    new BackendUnavailableError(
      "gpuBackend",
      `needs a device for mode "${mode}"`,
      reason,
      'Use mode: "auto", which takes the other backend where there is no device.',
    );
  let gpu: GpuJs;
  let data: Float32Array;
  let ran: string;
  let context: GraphicsContext | null;
  try {
    gpu = new GPU({ mode });
    const kernel = gpu.createKernel("function (t0) {\nreturn t0[this.thread.x] * 0.5;\n}", {
      ...ours,
      output: [3],
      argumentTypes: { t0: "Array" },
      pipeline: false,
    });
    data = (await kernel(new Float32Array([1, -2, 3e-3]))) as Float32Array;
    ran = kernel.kernel.constructor.mode;
    context = kernel.kernel.context ?? null;
  } catch (error) {
    throw refuse(`"${(error as Error).message}" from gpu.js`);
  }
  const name = mode === "headlessgl" || mode.startsWith("webgl") ? "gpu" : mode;
  if (ran !== mode && ran !== name) throw refuse(`a kernel that ran in mode "${ran}"`);
  if (data[0] !== 0.5 || data[1] !== -1 || Math.abs(data[2] - 1.5e-3) > 1e-9) {
    throw refuse(`a kernel that made ${Array.from(data).join(" ")} of 0.5, -1 and 0.0015`);
  }
  return new Device(mode, gpu, context);
}
