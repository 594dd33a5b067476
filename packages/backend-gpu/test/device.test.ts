/** @file A device's books: kernels that are kept and forgotten, memory that is given back, sizes. */
import { BackendError } from "@tapeloop/autograd/backend";
import { describe, expect, test } from "vitest";
import { whole, Memory } from "../src/array.ts";
import { Device } from "../src/device.ts";
import { loadGpuJs } from "../src/gpujs.ts";
import { Recent } from "../src/recent.ts";

const { GPU } = await loadGpuJs();
const open = (most: number): Device => new Device("cpu", new GPU({ mode: "cpu" }), null, most);

/** A kernel that multiplies so many elements. */
const times = (factor: number, size = 2) => ({
  source: `function (t0) {\nreturn t0[this.thread.x] * ${factor};\n}`,
  size,
  arrays: [size],
  numbers: 0,
});

describe("a map with bounds", () => {
  test("forgets what was used longest ago, and what must stay never", () => {
    const gone: string[] = [];
    const map = new Recent<string>(
      2,
      (value) => value !== "kept",
      (value) => gone.push(value),
    );
    for (const key of ["kept", "a", "kept", "b", "c"]) map.of(key, () => key);
    expect(gone).toEqual(["a", "b"]);
    expect(map.size).toBe(2);
    expect(map.of("c", () => "another")).toBe("c");
  });
});

describe("a device", () => {
  test("keeps so many kernels, and makes those that it forgot again", () => {
    const device = open(3);
    const x = new Float32Array([1, 2]);
    const launches = Array.from({ length: 10 }, (_, i) => device.kernel(times(i)));
    for (const turn of [1, 2]) {
      launches.forEach((launch, i) => {
        const y = launch([x]);
        expect([...device.read(y)]).toEqual([i, 2 * i]);
        device.delete(y, 2);
      });
      expect(device.report()).toMatchObject({ arrays: 0, bytes: 0, launches: 10 * turn });
    }
    const { kernels } = device.report();
    launches[9]([x]);
    expect(device.report().kernels).toBe(kernels);
  });

  test("has one kernel for one size: the length of the result is not enough to tell", () => {
    const device = open(3);
    const launches = [2, 30].map((inner) =>
      device.kernel({
        source: `function (t0) {\nlet v = 0;\nfor (let k = 0; k < ${inner}; k++) {\nv = v + t0[k];\n}\nreturn v;\n}`,
        size: 1,
        arrays: [inner],
        numbers: 0,
      }),
    );
    const sums = launches.map(
      (launch, i) => device.read(launch([new Float32Array([2, 30][i]).fill(1)]))[0],
    );
    expect(sums).toEqual([2, 30]);
    expect(device.report().kernels).toBe(2);
  });
});

describe("memory", () => {
  test("is given back once, however often it is released, and is no longer read", () => {
    const device = open(3);
    const memory = new Memory(device, 2, null, new Float32Array([1, 2]));
    expect(memory.numbers).toHaveLength(2);
    expect(device.report()).toMatchObject({ arrays: 1, bytes: 8 });
    memory.release();
    memory.release();
    expect(device.report()).toMatchObject({ arrays: 0, bytes: 0 });
    const x = whole({ shape: [2], dtype: "float32" }, memory);
    expect(() => x.memory.numbers).toThrow(BackendError);
    expect(() => x.memory.read((numbers) => numbers)).toThrow("an array that was released");
  });
});
