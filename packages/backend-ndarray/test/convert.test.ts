import { setDefaultBackend, type Tensor, tensor } from "@tapeloop/autograd";
import { fromNdarray, ndarrayBackend, toNdarray } from "@tapeloop/backend-ndarray";
import ndarray from "ndarray";
import { beforeAll, expect, test } from "vitest";

beforeAll(() => setDefaultBackend(ndarrayBackend));

/** The elements of an ndarray, read one by one. */
function rowsOf(x: ndarray.NdArray<number[] | ndarray.TypedArray>): number[][] {
  const [m, n] = x.shape;
  return Array.from({ length: m }, (_, i) => Array.from({ length: n }, (_each, j) => x.get(i, j)));
}

test("a tensor becomes an ndarray of its shape and element type", () => {
  const x = toNdarray(
    tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { dtype: "float64" },
    ),
  );
  expect(x.shape).toEqual([2, 3]);
  expect(x.dtype).toBe("float64");
  expect(rowsOf(x)).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(toNdarray(tensor([1, 2])).dtype).toBe("float32");
  expect(toNdarray(tensor([1, 2], { dtype: "int32" })).dtype).toBe("int32");
  expect(toNdarray(tensor([true, false])).dtype).toBe("uint8");
  expect(toNdarray(tensor(7)).get()).toBe(7);
});

test("a view becomes an ndarray in row-major order", () => {
  const x = toNdarray(
    tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
      .transpose()
      .slice([{ step: -1 }]),
  );
  expect(x.data).toEqual(new Float32Array([3, 6, 2, 5, 1, 4]));
  expect(x.stride).toEqual([2, 1]);
});

test("changing an ndarray leaves the tensor it came from as it is", () => {
  const x = tensor([1, 2, 3]);
  toNdarray(x).set(0, 100);
  expect(x.toArray()).toEqual([1, 2, 3]);
});

test("changing an ndarray leaves the tensor made from it as it is", () => {
  const array = ndarray(new Float32Array([1, 2, 3]));
  const x = fromNdarray(array);
  array.set(0, 100);
  expect(x.toArray()).toEqual([1, 2, 3]);
});

test.each<[string, ndarray.NdArray, unknown]>([
  [
    "transposed",
    ndarray(new Float64Array([1, 2, 3, 4, 5, 6]), [2, 3]).transpose(1, 0),
    [
      [1, 4],
      [2, 5],
      [3, 6],
    ],
  ],
  ["reversed", ndarray(new Float64Array([1, 2, 3])).step(-1), [3, 2, 1]],
  ["a part", ndarray(new Float64Array([1, 2, 3, 4]), [2, 2]).lo(1, 0), [[3, 4]]],
  ["every second", ndarray(new Float64Array([1, 2, 3, 4, 5])).step(2), [1, 3, 5]],
  [
    "repeating",
    ndarray(new Float64Array([1, 2]), [2, 2], [0, 1]),
    [
      [1, 2],
      [1, 2],
    ],
  ],
  ["a single number", ndarray(new Float64Array([8, 9]), [], [], 1), 9],
  ["without elements", ndarray(new Float64Array(0), [0, 2]), []],
])("an ndarray that is %s is read as it is seen", (_, array, expected) => {
  const x = fromNdarray(array);
  expect(x.shape).toEqual(array.shape);
  expect(x.dtype).toBe("float64");
  expect(x.toArray()).toEqual(expected);
});

test.each<[ndarray.NdArray, Tensor["dtype"]]>([
  [ndarray(new Float32Array(2)), "float32"],
  [ndarray(new Float64Array(2)), "float64"],
  [ndarray([1, 2]), "float32"],
  [ndarray(new Int8Array(2)), "int32"],
  [ndarray(new Uint8Array(2)), "int32"],
  [ndarray(new Int32Array(2)), "int32"],
  [ndarray(new Uint32Array(2)), "float64"],
])("the element type follows the ndarray's: %s", (array, dtype) => {
  expect(fromNdarray(array).dtype).toBe(dtype);
});

test("an element type can be asked for", () => {
  const mask = toNdarray(tensor([true, false]));
  expect(fromNdarray(mask, "bool").toArray()).toEqual([1, 0]);
  expect(fromNdarray(ndarray(new Uint8Array([255, 0])), "float32").toArray()).toEqual([255, 0]);
  expect(() => fromNdarray(ndarray([1.5]), "int32")).toThrow(
    "tensor: int32 holds whole numbers of 32 bits, got 1.5.",
  );
});

test("arrays of something else are refused", () => {
  expect(() => fromNdarray(ndarray(new BigInt64Array(2)) as unknown as ndarray.NdArray)).toThrow(
    "fromNdarray: elements must be numbers, got bigint64.",
  );
});

test("float32 and float64 go there and back bit by bit", () => {
  const values = [0, -0, 0.1, -1e-40, 2 ** -149, Infinity, NaN];
  for (const data of [new Float32Array(values), new Float64Array(values)]) {
    expect(fromNdarray(toNdarray(tensor(data))).dataSync()).toEqual(data);
  }
});
