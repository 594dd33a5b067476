/**
 * @file One training step of the character model of `tapeloop train`: eager against compiled, which
 * replays the same kernels without building tensors and a tape. Forward, backward, clipping, Adam.
 */
import {
  compile,
  key,
  leaves,
  scan,
  setDefaultBackend,
  step,
  tensor,
  type Tensor,
  valueAndGrad,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { embedding, linear, lstmCell, softmaxCrossEntropy } from "@tapeloop/nn";
import { adam, chain, clipByGlobalNorm } from "@tapeloop/optim";
import { measure } from "./measure.ts";

setDefaultBackend(ndarrayBackend);
const [V, E, H, B, T] = [105, 32, 96, 32, 16];
const [vectors, cell, output] = [embedding(V, E), lstmCell(E, H), linear(H, V)];
const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 0.01 }));

const start = (): { params: Parameters; state: object } => {
  const params = {
    vectors: vectors.init(key(0)),
    cell: cell.init(key(1)),
    output: output.init(key(2)),
  };
  return { params, state: optimizer.init(params) };
};
interface Parameters {
  vectors: ReturnType<typeof vectors.init>;
  cell: ReturnType<typeof cell.init>;
  output: ReturnType<typeof output.init>;
}
const ids = Int32Array.from({ length: T * B }, (_, i) => (i * 7919) % V);
const characters = tensor(ids, { shape: [T, B] });

const lossOf = valueAndGrad((p: Parameters, xs: Tensor) => {
  const [, ys] = scan(cell.step, p.cell, cell.initialState(B), vectors.apply(p.vectors, xs));
  return softmaxCrossEntropy(output.apply(p.output, ys), xs);
});
const train = ({ params, state }: ReturnType<typeof start>, xs: Tensor): ReturnType<typeof start> =>
  optimizer.update(lossOf(params, xs).grads, state, params);

/** A loop of training steps, one per call. */
function loop(f: typeof train): () => void {
  let now = start();
  return () => {
    now = step(now, (s) => f(s, characters));
    leaves(now.params)[0].dataSync();
  };
}

await measure(
  `LSTM V=${V} E=${E} H=${H} B=${B} T=${T}, one step`,
  { eager: loop(train), compiled: loop(compile(train)) },
  { batch: 1, seconds: 8 },
);
