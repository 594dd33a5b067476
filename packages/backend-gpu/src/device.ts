/** @file One way to run kernels, made sure of before it is used: kernels by source, numbers in and out, counts. */
import { BackendError, DeviceLostError } from "@tapeloop/autograd/backend";
import type { GpuJs, GpuJsKernel, GpuJsMode, GpuJsSettings, GraphicsContext } from "./gpujs.ts";
import { Later, type Numbers, Queue } from "./queue.ts";
import { Recent } from "./recent.ts";

/** The most elements that an array here may have: places are float32, which counts so far. */
export const mostElements: number = 2 ** 24;

/** A kernel's source, and all that it is specific to. */
export interface KernelSource {
  /** The function, with the parameters `t0`, `t1`, … for arrays and `s0`, `s1`, … for numbers. */
  readonly source: string;
  /** How many elements it makes. */
  readonly size: number;
  /** How many elements each of the arrays has. */
  readonly arrays: readonly number[];
  /** How many numbers it takes behind them. */
  readonly numbers: number;
}

/** A kernel as the device keeps it. */
interface Made {
  readonly run: GpuJsKernel;
  /** How many of its results are there: gpu.js cannot read them once their kernel is gone. */
  live: number;
}

/** A kernel made ready. */
export type Launch = (inputs: readonly (Numbers | number)[]) => Numbers;

/** Who wants values at once, and what to do where there are none. */
export interface Reader {
  /** As messages name them. */
  readonly op: string;
  /** What to write instead, as a sentence. */
  readonly remedy: string;
}

/** Whoever asks for the elements of a tensor. */
const user: Reader = { op: "gpu", remedy: "Write await x.data()." };

/** What a device has done, and what it holds. */
export interface DeviceReport {
  /** How kernels run. */
  readonly mode: GpuJsMode;
  /** The name of the graphics hardware, where there is any. */
  readonly renderer: string;
  /** Whether the hardware is a program: results are right, and slow. */
  readonly isSoftware: boolean;
  /** Kernels run since the start. */
  readonly launches: number;
  /** Kernels made since the start; one that was forgotten and made again counts twice. */
  readonly kernels: number;
  /** Arrays copied to the device since the start. */
  readonly uploads: number;
  /** Arrays copied back since the start. */
  readonly reads: number;
  /** Ops that ran on the other backend since the start, by name. */
  readonly elsewhere: Readonly<Record<string, number>>;
  /** Arrays on the device now. */
  readonly arrays: number;
  /** Their elements' bytes. */
  readonly bytes: number;
}

/** How all kernels are made. */
export const ours: Omit<GpuJsSettings, "output" | "argumentTypes"> = {
  pipeline: true,
  // Otherwise the next run overwrites the result of this one.
  immutable: true,
  precision: "single",
  // Otherwise floats have as few as 16 bits on some devices.
  tactic: "precision",
  // Otherwise loops end after 1000 turns.
  loopMaxIterations: mostElements,
  asyncMode: false,
};

/** What gpu.js takes. */
type Now = Parameters<GpuJsKernel>[number];

/** The kernel that changes nothing. */
const identity = "function (t0) {\nreturn t0[this.thread.x];\n}";

/** RENDERER: the name that a context gives where it does not tell the hardware's. */
const masked = 0x1f01;

/** The programs that stand in for graphics hardware. */
const software = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** One instance of gpu.js, and every kernel made with it. */
export class Device {
  /** How kernels run. */
  readonly mode: GpuJsMode;
  /** The most arrays that a kernel may read. */
  readonly mostInputs: number;
  readonly #gpu: GpuJs;
  readonly #context: GraphicsContext | null;
  /** Where kernels wait for one another; null where they run at once. */
  readonly #queue: Queue | null;
  readonly #kernels: Recent<Made>;
  /** Kernels whose results come back, by size. */
  readonly #readers: Recent<Made>;
  /** Which kernel made what. */
  readonly #makers = new WeakMap<Numbers, Made>();
  readonly #elsewhere: Record<string, number> = {};
  #made = 0;
  #launches = 0;
  #uploads = 0;
  #reads = 0;
  #arrays = 0;
  #bytes = 0;

  /**
   * On an instance of gpu.js.
   *
   * @param context - What its kernels run in; null without graphics.
   * @param mostKernels - So many kernels are kept; those that were used longest ago go first.
   */
  constructor(mode: GpuJsMode, gpu: GpuJs, context: GraphicsContext | null, mostKernels = 1024) {
    this.mode = mode;
    this.mostInputs = mostInputs(mode, context);
    this.#queue = mode === "webgpu" ? new Queue() : null;
    this.#gpu = gpu;
    this.#context = context;
    const destroy = ({ run }: Made): void => {
      if (this.#queue === null) void run.destroy();
      else void this.#queue.add(async () => run.destroy());
    };
    this.#kernels = new Recent(mostKernels, isFree, destroy);
    this.#readers = new Recent(64, isFree, destroy);
  }

  /** A kernel; the same source for the same sizes is made ready once. */
  kernel(kernel: KernelSource): Launch {
    const { source, size, arrays, numbers } = kernel;
    // Sizes are written into what gpu.js makes of a kernel: an array of another size would be misread.
    const key = `${size} ${arrays.join()} ${numbers} ${source}`;
    const make = (): Made => this.#make(kernel);
    this.#kernels.of(key, make);
    return (inputs) => {
      const made = this.#kernels.of(key, make);
      const { run } = made;
      const result = this.#queue?.run(run, inputs) ?? (run(...(inputs as Now[])) as Numbers);
      made.live++;
      this.#makers.set(result, made);
      this.#launches++;
      this.#arrays++;
      this.#bytes += 4 * size;
      return result;
    };
  }

  #make({ source, size, arrays, numbers }: KernelSource): Made {
    if (size > mostElements) throw tooLarge(size);
    const types = [
      ...arrays.map((_, i) => [`t${i}`, "Array"]),
      ...Array.from({ length: numbers }, (_, i) => [`s${i}`, "Float"]),
    ];
    const argumentTypes = Object.fromEntries(types) as Record<string, string>;
    this.#made++;
    const text = this.mode === "webgpu" ? withoutConstants(source) : source;
    const settings = { ...ours, output: [size] as const, argumentTypes };
    return { run: this.#gpu.createKernel(text, settings), live: 0 };
  }

  /** Copies numbers to the device. */
  upload(data: Float32Array): Numbers {
    if (data.length > mostElements) throw tooLarge(data.length);
    this.#uploads++;
    if (this.isHost) {
      this.#arrays++;
      this.#bytes += 4 * data.length;
      return data;
    }
    const size = data.length;
    const made = this.kernel({ source: identity, size, arrays: [size], numbers: 0 })([data]);
    this.#launches--;
    return made;
  }

  /** Whether there is no device behind it: numbers stay in plain arrays. */
  get isHost(): boolean {
    return this.mode === "cpu" || this.mode === "webasm";
  }

  /** Copies numbers back. */
  read(numbers: Numbers, { op, remedy }: Reader = user): Float32Array {
    this.#reads++;
    if (numbers instanceof Float32Array) return numbers.slice();
    if (numbers instanceof Later) {
      const rule = `values come later in mode "${this.mode}"`;
      throw new BackendError(op, rule, "a read at once", remedy);
    }
    this.check();
    const data = numbers.toArray() as Float32Array;
    // It may have gone while it was read: what was read is then zeros.
    this.check();
    return data;
  }

  /** The same, when the device has come so far; until then the page goes on. */
  async readLater(numbers: Numbers, size: number): Promise<Float32Array> {
    if (numbers instanceof Later) {
      this.#reads++;
      try {
        return await (this.#queue as Queue).read(numbers);
      } catch (error) {
        // A lost device tells those who wait for its kernels first.
        await new Promise((resolve) => setTimeout(resolve));
        this.check();
        throw error;
      } finally {
        this.check();
      }
    }
    if (numbers instanceof Float32Array || this.mode !== "webgl2") return this.read(numbers);
    this.#reads++;
    this.check();
    const reader = this.#readers.of(String(size), () => {
      const settings = { ...ours, pipeline: false, immutable: false, asyncMode: true };
      const of = { output: [size] as const, argumentTypes: { t0: "Array" } };
      return { run: this.#gpu.createKernel(identity, { ...settings, ...of }), live: 0 };
    });
    reader.live++;
    try {
      return (await reader.run(numbers)) as Float32Array;
    } finally {
      reader.live--;
      this.check();
    }
  }

  /** @throws DeviceLostError if the device has gone, and with it everything that was there. */
  check(): void {
    const isLost = this.#context?.isLost ?? this.#context?.isContextLost?.() ?? false;
    if (!isLost) return;
    throw new DeviceLostError(
      "gpu",
      "the device must stay while it is used",
      `a lost ${this.mode} context`,
      "Make a new backend, and load the last checkpoint.",
    );
  }

  /** Gives memory back. */
  delete(numbers: Numbers, size: number): void {
    this.#arrays--;
    this.#bytes -= 4 * size;
    const maker = this.#makers.get(numbers);
    if (maker !== undefined) maker.live--;
    if (numbers instanceof Later) (this.#queue as Queue).delete(numbers);
    else if (!(numbers instanceof Float32Array)) numbers.delete();
  }

  /** An op ran on the other backend. */
  countElsewhere(name: string): void {
    this.#elsewhere[name] = (this.#elsewhere[name] ?? 0) + 1;
  }

  /** The name of the graphics hardware. */
  get renderer(): string {
    const { vendor, architecture, device, description } = this.#context?.adapter?.info ?? {};
    if (vendor !== undefined) {
      return [vendor, architecture, device, description].filter(Boolean).join(" ");
    }
    const names = this.#context?.getExtension?.("WEBGL_debug_renderer_info") ?? null;
    const name = this.#context?.getParameter?.(names?.UNMASKED_RENDERER_WEBGL ?? masked);
    return typeof name === "string" ? name : "";
  }

  /** Whether the hardware is a program. */
  get #isSoftware(): boolean {
    const isFallback = this.#context?.adapter?.info?.isFallbackAdapter ?? false;
    return this.isHost || isFallback || software.test(this.renderer);
  }

  /** What it has done, and what it holds. */
  report(): DeviceReport {
    const { mode, renderer } = this;
    return {
      mode,
      renderer,
      isSoftware: this.#isSoftware,
      launches: this.#launches,
      kernels: this.#made,
      uploads: this.#uploads,
      reads: this.#reads,
      elsewhere: { ...this.#elsewhere },
      arrays: this.#arrays,
      bytes: this.#bytes,
    };
  }
}

/** Whether a kernel may go. */
function isFree({ live }: Made): boolean {
  return live === 0;
}

/** The most arrays that a kernel may read. */
function mostInputs(mode: GpuJsMode, context: GraphicsContext | null): number {
  // WebGPU promises 8 places for arrays, of which the result takes one; 12 keep compiling short elsewhere.
  if (mode === "webgpu") return 7;
  const units = context?.getParameter?.(maxTextureUnits) ?? 16;
  // gpu.js takes some of WebGL's places for itself.
  return Math.min(12, Number(units) - 1);
}

/** WebGL's name for the number of textures that a shader may read: 16 or more in WebGL 2, 8 or more in WebGL 1. */
const maxTextureUnits = 0x8872;

/** Source whose infinities and NaN come about when it runs: WGSL refuses constants that are not finite. */
function withoutConstants(source: string): string {
  const zero = "Math.min(this.thread.x, 0)";
  return source
    .replaceAll("(1 / 0)", `(3.4e38 * (10 + ${zero}))`)
    .replaceAll("1 / 0)", `3.4e38 * (10 + ${zero}))`)
    .replaceAll("(0 / 0)", `Math.sqrt(${zero} - 1)`);
}

/** Arrays whose places cannot be counted in float32. */
function tooLarge(size: number): BackendError {
  return new BackendError(
    "gpu",
    `arrays have at most ${mostElements} elements`,
    String(size),
    "Work in smaller batches, or on the CPU.",
  );
}
