import { key, scan, type Tensor, zeros } from "@tapeloop/autograd";
import {
  type LinearCell,
  lstmCell,
  minGruCell,
  type MinGruParameters,
  minLstmCell,
  parallel,
  residual,
  type Runner,
  slstmCell,
  sruCell,
} from "@tapeloop/nn";
import { expectTypeOf, test } from "vitest";

const cell = minGruCell(3, 4);
const parameters = cell.init(key(0));

test("sizes are known where they were given, through scan", () => {
  const [last, ys] = scan(cell.step, parameters, cell.initialState(2), zeros([10, 2, 3]));
  expectTypeOf(ys).toEqualTypeOf<Tensor<[10, 2, 4]>>();
  expectTypeOf(last.h).toEqualTypeOf<Tensor<[2, 4]>>();
  expectTypeOf(minLstmCell(3, 5).initialState().h).toEqualTypeOf<Tensor<[5]>>();
  expectTypeOf(sruCell(3, 5).initialState(2).c).toEqualTypeOf<Tensor<[2, 5]>>();
  expectTypeOf(slstmCell(3, 5).initialState(2).m).toEqualTypeOf<Tensor<[2, 5]>>();
});

test("inputs with another number of features do not compile", () => {
  // @ts-expect-error the input has 5 features, the cell takes 3
  cell.step(parameters, cell.initialState(2), zeros([2, 5]));
});

test("linear cells run over all steps at once, others do not", () => {
  expectTypeOf(cell).toExtend<LinearCell<MinGruParameters, { readonly h: Tensor }>>();
  const model = parallel(cell);
  expectTypeOf(model).toExtend<Runner<MinGruParameters, { readonly h: Tensor }>>();
  expectTypeOf(model.apply(parameters, zeros([10, 2, 3])).state.h).toExtend<Tensor>();
  // @ts-expect-error its step is not linear
  parallel(lstmCell(3, 4));
  // @ts-expect-error a wrapper changes the step
  parallel(residual(minGruCell(3, 3)));
});
