/** @file What is used of gpu.js: its types, as thin as they can be, and the import that only those who ask for it pay. */
import { BackendUnavailableError } from "@tapeloop/autograd/backend";

/** The names by which gpu.js knows its ways to run kernels, as far as they are used here. */
export type GpuJsMode = "webgl2" | "webgl" | "webgpu" | "headlessgl" | "cpu" | "webasm";

/** Numbers on the device. The modes without a device answer with plain arrays. */
export interface Texture {
  /** Reads the numbers back; on WebGPU that is a promise. */
  toArray(): Float32Array | Promise<Float32Array>;
  /** Gives the memory back. */
  delete(): void;
}

/** A kernel as gpu.js hands it out. */
export interface GpuJsKernel {
  (
    ...inputs: readonly (Texture | Float32Array | number)[]
  ): Texture | Float32Array | Promise<Texture | Float32Array>;
  /** What stands behind it; it has a context once it has run, unless there is no graphics. */
  readonly kernel: {
    readonly constructor: { readonly mode: string };
    readonly context?: GraphicsContext | null;
  };
  /** Gives back all that it holds, and what it has made. */
  destroy(): Promise<void> | void;
}

/** How a kernel is made. */
export interface GpuJsSettings {
  readonly output: readonly [number];
  readonly argumentTypes: Readonly<Record<string, string>>;
  readonly pipeline: boolean;
  readonly immutable: boolean;
  readonly precision: "single";
  readonly tactic: "precision";
  readonly loopMaxIterations: number;
  /** Whether results are promises. */
  readonly asyncMode: boolean;
}

/** What is used of a context: of WebGL's, and of the one that gpu.js makes for WebGPU. */
export interface GraphicsContext {
  isContextLost?(): boolean;
  getExtension?(name: string): { readonly UNMASKED_RENDERER_WEBGL: number } | null;
  getParameter?(name: number): unknown;
  readonly isLost?: boolean;
  readonly adapter?: {
    readonly info?: {
      readonly vendor: string;
      readonly architecture: string;
      readonly device: string;
      readonly description: string;
      readonly isFallbackAdapter?: boolean;
    };
  };
}

/** An instance of gpu.js. */
export interface GpuJs {
  createKernel(source: string, settings: GpuJsSettings): GpuJsKernel;
}

/** What the package exports. */
export interface GpuJsModule {
  readonly GPU: new (settings: { readonly mode: GpuJsMode }) => GpuJs;
}

/** Loads the package. */
export async function loadGpuJs(): Promise<GpuJsModule> {
  let loaded: GpuJsModule & { readonly default?: GpuJsModule };
  try {
    // Its own types want the DOM and leave out settings that are needed here.
    loaded = (await import("gpu.js")) as unknown as typeof loaded;
  } catch (error) {
    throw new BackendUnavailableError(
      "gpuBackend",
      "needs the package gpu.js",
      (error as Error).message,
      "Install it: npm install gpu.js@2.24.1.",
    );
  }
  // Bundlers hand CommonJS packages out as the default export.
  return "GPU" in loaded ? loaded : (loaded as { readonly default: GpuJsModule }).default;
}
