/**
 * @file Products of float32 matrices, M × K times K × N: the packed kernels of the wasm backend in each
 * layout, with the right operand packed beforehand or not, beside the loop of the reference.
 */
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { Machine } from "../../packages/backend-wasm/src/machine.ts";
import { product } from "../../packages/backend-wasm/src/products/product.ts";
import { canFuse } from "../../packages/backend-wasm/src/features.ts";
import { type Candidate, measure, quantile } from "./measure.ts";

const shapes = [
  [1, 128, 512],
  [16, 64, 256],
  [32, 128, 512],
  [64, 256, 1024],
  [128, 1024, 512],
  [512, 512, 512],
] as const;

/** A product of one layout on operands of its own. */
function candidate(
  machine: Machine,
  [m, k, n]: readonly [number, number, number],
  layout: string,
): Candidate {
  const { memory } = machine;
  const isRightKept = layout.includes("kept");
  const form = product(machine, {
    dtype: "float32",
    sizes: [m, k, n],
    left: layout.startsWith("T") ? { down: 4, across: 4 * m } : { down: 4 * k, across: 4 },
    right: layout[1] === "T" ? { down: 4, across: 4 * k } : { down: 4 * n, across: 4 },
    isRightKept,
    down: 4 * n,
    addendDown: null,
  });
  const [a, b, c] = [m * k, k * n, m * n].map((count) => memory.allocate(4 * count).pointer);
  const scratch = memory.allocate(form.scratch).pointer;
  const panels = memory.allocate(form.rightBytes).pointer;
  const { float32 } = memory.views;
  for (let i = 0; i < m * k; i++) float32[a / 4 + i] = Math.sin(i);
  for (let i = 0; i < k * n; i++) float32[b / 4 + i] = Math.cos(i);
  form.packRight(panels, b);
  return () => form.run(c, a, isRightKept ? panels : b, 0, scratch);
}

const machines = { plain: new Machine(false), fused: new Machine(true) };
for (const [m, k, n] of shapes) {
  const candidates: Record<string, Candidate> = {};
  for (const [name, machine] of Object.entries(machines)) {
    if (name === "fused" && !canFuse()) continue;
    for (const layout of ["NN kept", "NN", "TN", "NT"]) {
      candidates[`${name} ${layout}`] = candidate(machine, [m, k, n], layout);
    }
  }
  if (m * k * n < 1e7) {
    const type = (rows: number, columns: number) =>
      ({ shape: [rows, columns], dtype: "float32" }) as const;
    const [x, y] = [
      ndarrayBackend.upload(new Float32Array(m * k).fill(1), type(m, k)),
      ndarrayBackend.upload(new Float32Array(k * n).fill(1), type(k, n)),
    ];
    const axes = { batch: [[], []], contract: [[1], [0]] } as const;
    candidates["reference NN"] = () => ndarrayBackend.kernels.dotGeneral([x, y], axes, type(m, n));
  }
  const times = await measure(`${m} × ${k} × ${n}`, candidates, { seconds: 0.3 });
  for (const [name, micros] of Object.entries(times)) {
    const rate = (q: number): string => ((2 * m * k * n) / quantile(micros, q) / 1000).toFixed(1);
    console.log(`${name}: ${rate(0.5)} GFLOP/s, at best ${rate(0)}`);
  }
}
