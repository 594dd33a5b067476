/**
 * @file The arrays that every entrant starts from: inputs, labels and first weights, made from fixed keys
 * and written as one safetensors file for each task. All of them read the file, ours as well.
 */
import { normal, key, zeros, ones, tensor, type Tensor } from "tapeloop";
import { loadSafetensors, saveSafetensors } from "@tapeloop/io/node";
import { join } from "node:path";

/** The sizes of the recurrent tasks. */
export interface Sizes {
  readonly I: number;
  readonly H: number;
  readonly B: number;
  readonly T: number;
}

export const sizes = {
  lstm: { I: 64, H: 128, B: 32, T: 32 },
  gru: { I: 32, H: 64, B: 16, T: 100 },
  peephole: { I: 32, H: 64, B: 16, T: 50 },
  large: { I: 128, H: 256, B: 64, T: 64 },
  stream: { I: 64, H: 128, B: 1, T: 64 },
} as const satisfies Record<string, Sizes>;

let seed = 0;
const noise = (shape: readonly number[], scale: number): Tensor =>
  normal(shape, { key: key(seed++) }).mul(scale);

/** Weights and bias of a cell of so many gates, and its inputs. */
const recurrent = ({ I, H, B, T }: Sizes, gates: number): Record<string, Tensor> => ({
  Wx: noise([I, gates * H], 1 / Math.sqrt(I)),
  Wh: noise([H, gates * H], 1 / Math.sqrt(H)),
  b: noise([gates * H], 0.1),
  xs: noise([T, B, I], 1),
});

/** Every file, by the name of its task. */
const files: Record<string, () => Record<string, Tensor>> = {
  lstm: () => {
    const { I, H, B, T } = sizes.lstm;
    const labels = Int32Array.from({ length: T * B }, (_, i) => (i * 7919) % I);
    return {
      ...recurrent(sizes.lstm, 4),
      Wo: noise([H, I], 1 / Math.sqrt(H)),
      bo: zeros([I]),
      labels: tensor(labels, { shape: [T, B] }),
    };
  },
  gru: () => recurrent(sizes.gru, 3),
  peephole: () => {
    const { H } = sizes.peephole;
    return {
      ...recurrent(sizes.peephole, 4),
      pi: noise([H], 0.1),
      pf: noise([H], 0.1),
      po: noise([H], 0.1),
      gain: ones([4 * H]),
      bias: zeros([4 * H]),
      gainC: ones([H]),
      biasC: zeros([H]),
    };
  },
  large: () => recurrent(sizes.large, 4),
  stream: () => recurrent(sizes.stream, 4),
  product: () => ({ a: noise([64, 256], 0.1), b: noise([256, 1024], 0.1) }),
  pointwise: () => ({
    a: noise([1_000_000], 1),
    b: noise([1_000_000], 1),
    c: noise([1_000_000], 1),
    d: noise([1_000_000], 1),
  }),
  softmax: () => ({ x: noise([64, 1000], 1) }),
};

/** Writes all files into a folder. */
export async function writeArrays(folder: string): Promise<void> {
  for (const [name, make] of Object.entries(files)) {
    const arrays = Object.entries(make()).map(([array, x]) => [
      array,
      { dtype: x.dtype as "float32" | "int32", shape: x.shape, data: x.dataSync() },
    ]);
    await saveSafetensors(join(folder, `${name}.safetensors`), Object.fromEntries(arrays));
  }
}

/** The arrays of a task, as tensors. */
export async function readArrays(folder: string, task: string): Promise<Record<string, Tensor>> {
  const { tensors } = await loadSafetensors(join(folder, `${task}.safetensors`));
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { data, shape }]) => [
      name,
      tensor(data as Float32Array | Int32Array, { shape }),
    ]),
  );
}
