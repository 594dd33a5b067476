/** @file Cells and losses against PyTorch, values and gradients, in float64 to 1e-10. */
import {
  add,
  type Cell,
  grad,
  mul,
  setDefaultBackend,
  sum,
  type Tensor,
  tensor,
  type Tree,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  binaryCrossEntropy,
  convGruCell,
  convLstmCell,
  gruCell,
  lstmCell,
  meanSquaredError,
  rnnCell,
  scan,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
} from "@tapeloop/nn";
import { describe, expect, test } from "vitest";
import { expectClose, float64, type Plain, readReferences, treeOf } from "./golden.ts";

setDefaultBackend(ndarrayBackend);

type State = Readonly<Record<string, Tensor>>;
/** What a recurrent layer is differentiated by. */
interface Inputs {
  readonly params: Readonly<Record<string, Tensor>>;
  readonly xs: Tensor;
  readonly state: State;
}
type CellReference = Plain<
  Inputs & { ys: Tensor; last: State; weights: Readonly<Record<string, Tensor>>; grads: Inputs }
>;
type LossReference = Plain<Record<"x" | "target" | "none" | "sum" | "mean" | "grad", Tensor>>;

const { cells, losses } = readReferences("recurrent.json") as {
  cells: Record<string, CellReference>;
  losses: Record<string, LossReference>;
};
const convolutional = readReferences("convolutional.json") as Record<string, CellReference>;

/** A cell whose parameters and states are known only by name. */
const anonymous = <P, S>(cell: { step: Cell<P, S, Tensor, Tensor> }) =>
  cell.step as unknown as Cell<Tree, State, Tensor, Tensor>;

const steps = {
  rnnTanh: anonymous(rnnCell(3, 4)),
  rnnRelu: anonymous(rnnCell(3, 4, { activation: "relu" })),
  lstm: anonymous(lstmCell(3, 4)),
  gruResetAfter: anonymous(gruCell(3, 4)),
  gruResetBefore: anonymous(gruCell(3, 4, { resetAfter: false })),
  convLstm1d: anonymous(convLstmCell(2, 2, [4])),
  convLstm2d: anonymous(convLstmCell(2, 2, [2, 3], { kernelSize: [3, 2], peepholes: true })),
  convGru1d: anonymous(convGruCell(2, 2, [4], { kernelSize: 2 })),
  convGru2d: anonymous(convGruCell(2, 2, [2, 3])),
};

describe.each(Object.entries(steps))("%s", (name, step) => {
  const reference = { ...cells, ...convolutional }[name];
  const { params, xs, state } = reference;
  const inputs = treeOf<Inputs>({ params, xs, state });

  test("has the outputs and the last state of PyTorch", () => {
    const [last, ys] = scan(step, inputs.params, inputs.state, inputs.xs);
    expectClose({ ys, last }, { ys: reference.ys, last: reference.last });
  });

  test("has the gradients of PyTorch by parameters, inputs and first state", () => {
    const weights = treeOf<State>(reference.weights);
    const grads = grad((p: Inputs) => {
      const [last, ys] = scan(step, p.params, p.state, p.xs);
      return Object.entries({ ys, ...last })
        .map(([k, y]) => sum(mul(y, weights[k])))
        .reduce((a, b) => add(a, b));
    })(inputs);
    expectClose(grads, reference.grads);
  });
});

describe.each(
  Object.entries({
    softmaxCrossEntropy,
    meanSquaredError,
    sigmoidCrossEntropy,
    binaryCrossEntropy,
  }),
)("%s", (name, loss) => {
  const reference = losses[name];
  const x = float64(reference.x);
  const target =
    loss === softmaxCrossEntropy
      ? tensor(reference.target, { dtype: "int32" })
      : float64(reference.target);

  test.each(["none", "sum", "mean"] as const)(
    "has the value of PyTorch, reduction %s",
    (reduction) => {
      expectClose({ y: loss(x, target, { reduction }) }, { y: reference[reduction] });
    },
  );

  test("takes the mean by default", () => {
    expect(loss(x, target).item()).toBe(loss(x, target, { reduction: "mean" }).item());
  });

  test("has the gradient of PyTorch", () => {
    const gradient = grad((at: Tensor) => loss(at, target))(x);
    expectClose({ gradient }, { gradient: reference.grad });
  });
});
