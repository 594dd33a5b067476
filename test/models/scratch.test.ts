import { compile, grad, key, leaves, normal, setDefaultBackend, type Tensor, tensor } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { bidirectional, chained, gruCell, highway, learnedInitialState, lstmCell, recurrentDropout, residual, rnn, stacked, variationalDropout, weightDrop, withLayerNorm, zoneout } from "@tapeloop/nn";
import { expect, test } from "vitest";
setDefaultBackend(ndarrayBackend);
test("a", () => {
  const cell = stacked(
    zoneout(withLayerNorm(lstmCell(3, 4)), 0.1),
    residual(variationalDropout(gruCell(4, 4), { inputs: 0.2, state: 0.3, outputs: 0.2 })),
    highway(weightDrop(learnedInitialState(recurrentDropout(lstmCell(4, 4), 0.3)), 0.4)),
  );
  const m = rnn(cell);
  const p = m.init(key(0));
  const xs = normal([5, 2, 3], { key: key(1) });
  const loss = (q: typeof p, x: Tensor, k: Tensor) => {
    const r = m.apply(q, x, { key: k, lengths: tensor([5, 3], {dtype: "int32"}), record: ["layers[0].c", "layers[0].gates.f", "layers[2].candidate"] });
    return r.outputs.square().sum().add(r.recorded["layers[0].c"].sum()).add(r.last.sum());
  };
  const a = grad(loss)(p, xs, key(3));
  const b = compile(grad(loss))(p, xs, key(3));
  const bad = xs.mul(1).toArray() as number[][][];
  bad[4][1] = [NaN, NaN, NaN]; bad[3][1] = [Infinity, 1e38, NaN];
  const c = grad(loss)(p, tensor(bad), key(3));
  const d = leaves(a).map((x, i) => x.sub(leaves(b)[i]).abs().max().item());
  expect(Math.max(...d)).toBeLessThan(1e-5);
  expect(leaves(a).map(String)).toEqual(leaves(c).map(String));
  const bi = chained(bidirectional(lstmCell(3, 4)), bidirectional(gruCell(8, 3), gruCell(8, 2)));
  const r = bi.apply(bi.init(key(0)), xs, { lengths: [5, 3], record: ["layers[0].forward.c", "layers[1].backward.gates.z"] });
  expect(r.outputs.shape).toEqual([5, 2, 5]);
  expect(() => m.apply(p, xs, { record: ["layers[9].x"] })).toThrow("record takes");
});
const zz = zoneout(withLayerNorm(lstmCell(3, 4)), 0.1);
export const h: Tensor = zz.initialState(2).cell.h;
export const kk: number = rnn(zz).apply(rnn(zz).init(key(0)), normal([2,3]), {record: ["c"]}).recorded;
