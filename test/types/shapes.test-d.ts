/** Shapes in types: what the compiler knows of results, and the message it gives for mistakes. */
import {
  add,
  broadcastTo,
  concat,
  type Dim,
  dim,
  grad,
  matmul,
  maximum,
  mean,
  mul,
  ones,
  parameter,
  permute,
  reshape,
  scan,
  sigmoid,
  sum,
  tanh,
  tensor,
  type Tensor,
  transpose,
  vmap,
  zeros,
} from "@tapeloop/autograd";
import { expectTypeOf, test } from "vitest";

declare const untyped: Tensor;
declare const n: number;
const a = zeros([2, 3]);
const row = zeros([3]);
const column = ones([2, 1]);

test("literal sizes flow through creation and element-by-element ops", () => {
  expectTypeOf(a).toEqualTypeOf<Tensor<[2, 3]>>();
  expectTypeOf(a.shape).toEqualTypeOf<readonly [2, 3]>();
  expectTypeOf(tanh(a)).toEqualTypeOf<Tensor<[2, 3]>>();
  expectTypeOf(a.exp().neg().sigmoid()).toEqualTypeOf<Tensor<[2, 3]>>();
  expectTypeOf(add(a, 1)).toEqualTypeOf<Tensor<[2, 3]>>();
  expectTypeOf(mul(2, a)).toEqualTypeOf<Tensor<[2, 3]>>();
});

test("broadcasting joins shapes from the back", () => {
  expectTypeOf(add(a, row)).toEqualTypeOf<Tensor<[2, 3]>>();
  expectTypeOf(add(row, a)).toEqualTypeOf<Tensor<[2, 3]>>();
  expectTypeOf(a.mul(column)).toEqualTypeOf<Tensor<[2, 3]>>();
  expectTypeOf(column.add(row)).toEqualTypeOf<Tensor<[2, 3]>>();
  expectTypeOf(maximum(a, zeros([5, 1, 3]))).toEqualTypeOf<Tensor<[5, 2, 3]>>();
  expectTypeOf(a.greater(row)).toEqualTypeOf<Tensor<[2, 3]>>();
  // @ts-expect-error sizes 3 and 4 do not broadcast
  add(a, zeros([4]));
  // @ts-expect-error sizes 2 and 4 do not broadcast
  a.sub(zeros([4, 3]));
});

test("named sizes are told apart by their names", () => {
  const [B, T] = [dim("B", 8), dim("T", 8)];
  expectTypeOf(zeros([B, 3]).add(row)).toEqualTypeOf<Tensor<[Dim<"B">, 3]>>();
  // @ts-expect-error sizes B and T do not broadcast
  add(zeros([B, 3]), zeros([T, 3]));
  // @ts-expect-error inner sizes T and B differ
  matmul(zeros([B, T]), zeros([B, T]));
});

test("products contract the inner sizes", () => {
  expectTypeOf(matmul(a, zeros([3, 5]))).toEqualTypeOf<Tensor<[2, 5]>>();
  expectTypeOf(a.matmul(row)).toEqualTypeOf<Tensor<[2]>>();
  expectTypeOf(matmul(row, row)).toEqualTypeOf<Tensor<[]>>();
  expectTypeOf(matmul(zeros([7, 2, 3]), zeros([3, 5]))).toEqualTypeOf<Tensor<[7, 2, 5]>>();
  expectTypeOf(matmul(zeros([7, 1, 2, 3]), zeros([4, 3, 5]))).toEqualTypeOf<Tensor<[7, 4, 2, 5]>>();
  // @ts-expect-error inner sizes 3 and 2 differ
  matmul(a, a);
  // @ts-expect-error inner sizes 3 and 4 differ
  a.matmul(zeros([4, 2]));
});

test("reductions drop or keep axes", () => {
  expectTypeOf(sum(a)).toEqualTypeOf<Tensor<[]>>();
  expectTypeOf(a.sum({ axes: 0 })).toEqualTypeOf<Tensor<[3]>>();
  expectTypeOf(a.mean({ axes: -1 })).toEqualTypeOf<Tensor<[2]>>();
  expectTypeOf(mean(a, { axes: [1], keepAxes: true })).toEqualTypeOf<Tensor<[2, 1]>>();
  expectTypeOf(sum(zeros([2, 3, 4]), { axes: [0, -1] })).toEqualTypeOf<Tensor<[3]>>();
  expectTypeOf(a.max({ keepAxes: true })).toEqualTypeOf<Tensor<[1, 1]>>();
  expectTypeOf(a.sum({ axes: n })).toEqualTypeOf<Tensor>();
  // @ts-expect-error there is no axis 2 in 2 axes
  sum(a, { axes: 2 });
});

test("movement moves sizes", () => {
  expectTypeOf(permute(zeros([2, 3, 4]), [2, 0, 1])).toEqualTypeOf<Tensor<[4, 2, 3]>>();
  expectTypeOf(transpose(a)).toEqualTypeOf<Tensor<[3, 2]>>();
  expectTypeOf(a.transpose().matmul(a)).toEqualTypeOf<Tensor<[3, 3]>>();
  expectTypeOf(reshape(a, [3, 2])).toEqualTypeOf<Tensor<[3, 2]>>();
  expectTypeOf(a.reshape([-1, 1])).toEqualTypeOf<Tensor<[number, 1]>>();
  expectTypeOf(broadcastTo(row, [5, 3])).toEqualTypeOf<Tensor<[5, 3]>>();
  // @ts-expect-error 2 axes named for 3
  permute(zeros([2, 3, 4]), [1, 0]);
  // @ts-expect-error the number of elements changes: 3 against 4
  reshape(a, [2, 4]);
});

test("joining adds the sizes of one axis and compares the others", () => {
  expectTypeOf(concat([a, zeros([2, 5])])).toEqualTypeOf<Tensor<[2, 8]>>();
  expectTypeOf(concat([a, a, zeros([1, 3])], { axis: 0 })).toEqualTypeOf<Tensor<[5, 3]>>();
  expectTypeOf(concat([a, zeros([2, n])])).toEqualTypeOf<Tensor<[2, number]>>();
  expectTypeOf(concat([a, untyped])).toEqualTypeOf<Tensor>();
  const list: Tensor[] = [a, a];
  expectTypeOf(concat(list)).toEqualTypeOf<Tensor>();
  // @ts-expect-error sizes 3 and 4 differ beside the joined axis
  concat([a, zeros([2, 4])], { axis: 0 });
  // @ts-expect-error tensors to join have different numbers of axes
  concat([a, row]);
});

test("what is not known is never wrong", () => {
  expectTypeOf(untyped.add(a)).toEqualTypeOf<Tensor>();
  expectTypeOf(matmul(untyped, a)).toEqualTypeOf<Tensor>();
  expectTypeOf(
    tensor([
      [1, 2],
      [3, 4],
    ]),
  ).toEqualTypeOf<Tensor>();
  expectTypeOf(zeros([n, 3]).add(a)).toEqualTypeOf<Tensor<[2, 3]>>();
  const known: Tensor<[2, 3]> = untyped;
  const shape: number[] = [2, 3];
  expectTypeOf(zeros(shape).tanh().shape).toExtend<readonly number[]>();
  expectTypeOf(known).toEqualTypeOf<Tensor<[2, 3]>>();
});

/** A cell for any sizes: its body is checked once, for all of them. */
function cell<B extends number, I extends number, H extends number>(
  { W, U, b, gain }: { W: Tensor<[I, H]>; U: Tensor<[H, H]>; b: Tensor<[H]>; gain: Tensor<[H]> },
  h: Tensor<[B, H]>,
  x: Tensor<[B, I]>,
): readonly [Tensor<[B, H]>, Tensor<[B, H]>] {
  const drive = matmul(x, W).add(matmul(h, U)).add(b);
  const z = sigmoid(drive.mul(gain));
  const next = z.mul(h).add(z.neg().add(1).mul(drive.tanh()));
  return [next, next];
}

test("generic cells type-check, and know the sizes of their callers", () => {
  const parameters = { W: zeros([4, 8]), U: zeros([8, 8]), b: zeros([8]), gain: zeros([8]) };
  expectTypeOf(cell(parameters, zeros([2, 8]), zeros([2, 4]))[0]).toEqualTypeOf<Tensor<[2, 8]>>();
  // @ts-expect-error the input has 5 features, W takes 4
  cell(parameters, zeros([2, 8]), zeros([2, 5]));
  // @ts-expect-error the batches differ
  cell(parameters, zeros([3, 8]), zeros([2, 4]));
});

test("a mistake in a generic cell is found in the cell", () => {
  function wrong<B extends number, I extends number, H extends number>(
    W: Tensor<[I, H]>,
    x: Tensor<[B, I]>,
  ): Tensor<[B, H]> {
    // @ts-expect-error inner sizes differ: W must stand on the right
    return matmul(W, x);
  }
  expectTypeOf(wrong).toBeFunction();
});

test("scan takes the first axis of inputs away and puts one on outputs", () => {
  const step = (w: Tensor<[8]>, h: Tensor<[2, 8]>, x: Tensor<[2, 8]>) =>
    [h.mul(w).add(x), { y: h.sum({ axes: 1 }) }] as const;
  const [last, { y }] = scan(step, zeros([8]), zeros([2, 8]), zeros([10, 2, 8]));
  expectTypeOf(last).toEqualTypeOf<Tensor<[2, 8]>>();
  expectTypeOf(y).toEqualTypeOf<Tensor<[10, 2]>>();
  // @ts-expect-error a step takes [2, 8], not [2, 7]
  scan(step, zeros([8]), zeros([2, 8]), zeros([10, 2, 7]));
});

test("derivatives have the types of what they are taken by", () => {
  const g = grad((p: { w: Tensor<[3]>; b: Tensor<[]> }) => a.matmul(p.w).add(p.b).sum());
  expectTypeOf(g({ w: row, b: zeros([]) })).toEqualTypeOf<{ w: Tensor<[3]>; b: Tensor<[]> }>();
  expectTypeOf(parameter(row).value).toEqualTypeOf<Tensor<[3]>>();
  expectTypeOf(parameter(row).mul(2)).toEqualTypeOf<Tensor<[3]>>();
  expectTypeOf(vmap((x: Tensor) => x.sum())).returns.toEqualTypeOf<Tensor>();
});
