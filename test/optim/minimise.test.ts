/** @file Every optimizer finds the minimum of a narrow bowl, and goes far along Rosenbrock's valley. */
import {
  compile,
  grad,
  key,
  mul,
  setDefaultBackend,
  square,
  step,
  sub,
  type Tensor,
  tensor,
  valueAndGrad,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamW,
  asgd,
  type AveragingOptimizer,
  chain,
  clipByGlobalNorm,
  cosineDecay,
  hessianDiagonal,
  lamb,
  lbfgs,
  lion,
  lookahead,
  muon,
  nadam,
  type Optimizer,
  type OptimizerState,
  prodigy,
  radam,
  rmsprop,
  rprop,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  sgd,
  sharpnessAware,
  sophia,
} from "@tapeloop/optim";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

const float64 = (data: number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });

/** A matrix of points (x, y), and a vector. */
interface Parameters {
  readonly W: Tensor;
  readonly b: Tensor;
}

/** 100 times steeper in one direction than in another; 0 at the minimum. */
function bowl({ W, b }: Parameters): Tensor {
  const distances = square(
    sub(
      W,
      float64([
        [1, -1],
        [2, 0.5],
      ]),
    ),
  );
  const steepness = float64([
    [1, 10],
    [30, 100],
  ]);
  return mul(distances, steepness)
    .sum()
    .add(
      square(sub(b, 3))
        .mul(float64([3, 50]))
        .sum(),
    );
}

/** (x − 1)² + 100 (y − x²)² for every row; 0 at (1, 1). */
function valley({ W, b }: Parameters): Tensor {
  const [x, y] = [W.slice([{}, { stop: 1 }]), W.slice([{}, { start: 1 }])];
  const curve = square(sub(y, square(x)));
  return square(sub(x, 1)).add(mul(curve, 100)).sum().add(square(b).sum());
}

const startOfBowl = (): Parameters => ({
  W: float64([
    [0, 0],
    [0, 0],
  ]),
  b: float64([1, 1]),
});
const startOfValley = (): Parameters => ({
  W: float64([
    [-1.2, 1],
    [0.5, -0.5],
  ]),
  b: float64([1, 1]),
});

const falling = (from: number) => cosineDecay({ from, steps: 400 });

const optimizers: Record<string, [bowl: Optimizer, valley: Optimizer]> = {
  sgd: [sgd({ learningRate: falling(0.01) }), sgd({ learningRate: 0.003 })],
  momentum: [
    sgd({ learningRate: 0.003, momentum: 0.9 }),
    sgd({ learningRate: 0.001, momentum: 0.9 }),
  ],
  nesterov: [
    sgd({ learningRate: 0.003, momentum: 0.9, nesterov: true }),
    sgd({ learningRate: 0.001, momentum: 0.9, nesterov: true }),
  ],
  rmsprop: [rmsprop({ learningRate: falling(0.1) }), rmsprop({ learningRate: 0.03 })],
  rmspropCentered: [
    rmsprop({ learningRate: 0.03, centered: true, momentum: 0.5 }),
    rmsprop({ learningRate: 0.03, centered: true, momentum: 0.5 }),
  ],
  adagrad: [adagrad({ learningRate: 3 }), adagrad({ learningRate: 1 })],
  adadelta: [adadelta({ learningRate: 3 }), adadelta({ learningRate: falling(30) })],
  adam: [adam({ learningRate: falling(1) }), adam({ learningRate: 1 })],
  amsgrad: [
    adam({ learningRate: falling(0.3), amsgrad: true }),
    adam({ learningRate: 1, amsgrad: true }),
  ],
  adamW: [
    adamW({ learningRate: falling(1), weightDecay: 0 }),
    adamW({ learningRate: 1, weightDecay: 0 }),
  ],
  adamax: [adamax({ learningRate: 1 }), adamax({ learningRate: 1 })],
  nadam: [nadam({ learningRate: falling(0.3) }), nadam({ learningRate: falling(0.2) })],
  // Its first steps are those of gradient descent, far too long here.
  radam: [radam({ learningRate: 0.03 }), chain(clipByGlobalNorm(1), radam({ learningRate: 0.3 }))],
  lion: [lion({ learningRate: falling(0.1) }), lion({ learningRate: falling(0.1) })],
  lamb: [lamb({ learningRate: falling(0.03) }), lamb({ learningRate: falling(0.03) })],
  adafactor: [adafactor({ learningRate: falling(1) }), adafactor({ learningRate: falling(0.3) })],
  muon: [
    muon({ learningRate: falling(1), others: adam({ learningRate: falling(1) }) }),
    muon({ learningRate: falling(0.1), others: adam({ learningRate: 0.1 }) }),
  ],
  prodigy: [prodigy({ learningRate: falling(1) }), prodigy()],
  rprop: [rprop(), rprop()],
  asgd: [asgd({ learningRate: 0.005, start: 350 }), asgd({ learningRate: 0.003, start: 350 })],
  scheduleFreeSgd: [
    scheduleFreeSgd({ learningRate: falling(0.1) }),
    scheduleFreeSgd({ learningRate: 0.004 }),
  ],
  scheduleFreeAdamW: [
    scheduleFreeAdamW({ learningRate: 3 }),
    scheduleFreeAdamW({ learningRate: 0.3 }),
  ],
  lookahead: [
    lookahead(sgd({ learningRate: 0.01, momentum: 0.9 })),
    lookahead(sgd({ learningRate: 0.003, momentum: 0.9 })),
  ],
};

/** The loss after 400 compiled steps, at the mean where the optimizer keeps one. */
function lossAfter(
  loss: (params: Parameters) => Tensor,
  first: Parameters,
  optimizer: Optimizer | AveragingOptimizer,
): number {
  const gradient = valueAndGrad(loss);
  const train = compile((params: Parameters, state: OptimizerState) =>
    optimizer.update(gradient(params).grads, state, params),
  );
  let model = { params: first, state: optimizer.init(first) };
  for (let i = 0; i < 400; i++) {
    model = step(model, ({ params, state }) => train(params, state));
  }
  const { params, state } = model;
  return loss("average" in optimizer ? optimizer.average(state, params) : params).item();
}

describe.each(Object.entries(optimizers))("%s", (_, [ofBowl, ofValley]) => {
  test("finds the minimum of a narrow bowl", () => {
    expect(bowl(startOfBowl()).item()).toBeGreaterThan(300);
    expect(lossAfter(bowl, startOfBowl(), ofBowl)).toBeLessThan(0.01);
  });

  test("goes far along Rosenbrock's valley", () => {
    expect(valley(startOfValley()).item()).toBeGreaterThan(80);
    expect(lossAfter(valley, startOfValley(), ofValley)).toBeLessThan(0.5);
  });
});

test("Sophia finds the minimum of the bowl, which is narrow, by its curvatures", () => {
  const optimizer = sophia({ learningRate: falling(0.3), beta2: 0.5, gamma: 1 });
  const train = compile((params: Parameters, state: OptimizerState) => {
    const seen = optimizer.observe(state, hessianDiagonal(bowl, params, key(0)));
    return optimizer.update(grad(bowl)(params), seen, params);
  });
  const first = startOfBowl();
  let model = { params: first, state: optimizer.init(first) };
  for (let i = 0; i < 400; i++) {
    model = step(model, ({ params, state }) => train(params, state));
  }
  expect(bowl(model.params).item()).toBeLessThan(0.01);
});

test("a sharpness-aware gradient leads to the same minimum", () => {
  const optimizer = sgd({ learningRate: falling(0.009) });
  const gradient = sharpnessAware(valueAndGrad(bowl), { radius: 0.001 });
  let params = startOfBowl();
  let state = optimizer.init(params);
  for (let i = 0; i < 400; i++) {
    ({ params, state } = optimizer.update(gradient(params).grads, state, params));
  }
  expect(bowl(params).item()).toBeLessThan(0.01);
});

test("L-BFGS finds both minima in a few dozen iterations", () => {
  for (const [loss, first] of [
    [bowl, startOfBowl()],
    [valley, startOfValley()],
  ] as const) {
    const optimizer = lbfgs({ iterations: 100, changeTolerance: 1e-15, gradientTolerance: 1e-10 });
    const next = optimizer.update(valueAndGrad(loss), optimizer.init(first), first);
    expect(loss(next.params).item()).toBeLessThan(1e-15);
  }
});
