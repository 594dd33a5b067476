import { key, scan, type Tensor, zeros } from "@tapeloop/autograd";
import { gruCell, lstmCell, type LstmState, type RecurrentCell, rnnCell } from "@tapeloop/nn";
import { expectTypeOf, test } from "vitest";

const cell = lstmCell(3, 4);
const parameters = cell.init(key(0));
declare const untyped: Tensor;
declare const n: number;

test("a cell's sizes are known where they were given, through scan", () => {
  const [last, ys] = scan(cell.step, parameters, cell.initialState(2), zeros([10, 2, 3]));
  expectTypeOf(ys).toEqualTypeOf<Tensor<[10, 2, 4]>>();
  expectTypeOf(last.c).toEqualTypeOf<Tensor<[2, 4]>>();
  const [, one] = scan(cell.step, parameters, cell.initialState(), zeros([10, 3]));
  expectTypeOf(one).toEqualTypeOf<Tensor<[10, 4]>>();
  const [{ h }, y] = cell.step(parameters, cell.initialState(2), zeros([2, 3]));
  expectTypeOf(h).toEqualTypeOf<Tensor<[2, 4]>>();
  expectTypeOf(y).toEqualTypeOf<Tensor<[2, 4]>>();
  const gru = gruCell(3, 5);
  expectTypeOf(
    scan(gru.step, gru.init(key(0)), gru.initialState(2), zeros([7, 2, 3]))[1],
  ).toEqualTypeOf<Tensor<[7, 2, 5]>>();
  const rnn = rnnCell(3, 6);
  expectTypeOf(rnn.initialState(2).h).toEqualTypeOf<Tensor<[2, 6]>>();
});

test("inputs with another number of features do not compile, nor do states of another size", () => {
  // @ts-expect-error the input has 5 features, the cell takes 3
  cell.step(parameters, cell.initialState(2), zeros([2, 5]));
  // @ts-expect-error the input has 5 features, the cell takes 3
  scan(cell.step, parameters, cell.initialState(2), zeros([10, 2, 5]));
  // @ts-expect-error the state of a cell of another size
  cell.step(parameters, lstmCell(3, 5).initialState(2), zeros([2, 3]));
});

test("what is not known is never wrong", () => {
  const [last, ys] = scan(cell.step, parameters, cell.initialState(2), untyped);
  expectTypeOf(last.h).toEqualTypeOf<Tensor<[2, 4]>>();
  expectTypeOf(ys).toExtend<Tensor>();
  const some = lstmCell(n, n);
  expectTypeOf(scan(some.step, parameters, some.initialState(2), untyped)[1]).toExtend<Tensor>();
  some.step(parameters, some.initialState(2), zeros([2, 5]));
});

test("a cell that knows its sizes is a recurrent cell like any other", () => {
  expectTypeOf(cell).toExtend<RecurrentCell<ReturnType<typeof cell.init>, LstmState>>();
});
