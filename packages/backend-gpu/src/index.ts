/**
 * The GPU backend: kernels generated as source for gpu.js, which run on WebGL 2 in browsers.
 *
 * @packageDocumentation
 */
export type { GpuArray, Memory } from "./array.ts";
export { type GpuBackend, gpuBackend, type GpuMode, type GpuOptions } from "./backend.ts";
export type { DeviceReport, Reader } from "./device.ts";
export type { GpuJsMode, Texture } from "./gpujs.ts";
export type { Later, Numbers } from "./queue.ts";
export type { Range } from "./ranges.ts";
