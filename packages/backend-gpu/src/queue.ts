/**
 * @file Kernels that answer with promises, as on WebGPU: they are queued, so that whoever wants their results
 * need not wait, and run one after the other, in the order in which they were asked for.
 */
import type { GpuJsKernel, Texture } from "./gpujs.ts";

/** Numbers that will be on the device when it has come so far. */
export class Later {
  /** Then. */
  readonly texture: Promise<Texture>;

  /** Numbers of a kernel that was queued. */
  constructor(texture: Promise<Texture>) {
    this.texture = texture;
  }
}

/** What kernels take and make. */
export type Numbers = Texture | Float32Array | Later;

/** What is to be done, in order. */
export class Queue {
  #last: Promise<unknown> = Promise.resolve();

  /** Does something when all else has been done. What goes wrong is told to those who wait for it. */
  add<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#last.then(task);
    this.#last = done.catch(() => null);
    return done;
  }

  /** Runs a kernel. */
  run(kernel: GpuJsKernel, inputs: readonly (Numbers | number)[]): Later {
    const texture = this.add(async () => {
      const given: (Texture | Float32Array | number)[] = [];
      for (const input of inputs) given.push(input instanceof Later ? await input.texture : input);
      return (await kernel(...given)) as Texture;
    });
    return new Later(texture);
  }

  /** Reads numbers back. */
  read({ texture }: Later): Promise<Float32Array> {
    return this.add(async () => (await texture).toArray());
  }

  /** Gives memory back. */
  delete({ texture }: Later): void {
    // There is nothing to give back where the kernel failed.
    this.add(async () => (await texture).delete()).catch(() => null);
  }
}
