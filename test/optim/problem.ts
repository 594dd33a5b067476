/** @file A small problem to go down, every optimizer that there is, and every schedule. */
import { grad, key, matmul, mean, square, tanh, type Tensor, uniform } from "@tapeloop/autograd";
import {
  accumulate,
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamW,
  addGradientNoise,
  asgd,
  centralizeGradients,
  chain,
  clipAdaptively,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  cosineDecay,
  cosineRestarts,
  cyclicSchedule,
  exponentialAverage,
  exponentialDecay,
  frozen,
  inverseSquareRoot,
  joinSchedules,
  lamb,
  linearWarmup,
  lion,
  lookahead,
  multiplySchedules,
  multiStepDecay,
  muon,
  nadam,
  oneCycle,
  type Optimizer,
  partition,
  polynomialDecay,
  prodigy,
  radam,
  reduceOnPlateau,
  rmsprop,
  rprop,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  sgd,
  skipNonFinite,
  sophia,
  stepDecay,
  stochasticWeightAverage,
} from "@tapeloop/optim";

/** Parameters of several shapes. */
export interface Parameters {
  readonly layer: { readonly W: Tensor; readonly b: Tensor };
  readonly U: Tensor;
  readonly s: Tensor;
}

/** Inputs and targets. */
export interface Problem {
  readonly x: Tensor;
  readonly y: Tensor;
}

/** mean((tanh(x W + b) U s − y)²) */
export function loss({ layer, U, s }: Parameters, { x, y }: Problem): Tensor {
  const h = tanh(matmul(x, layer.W).add(layer.b));
  return mean(square(matmul(h, U).mul(s).sub(y)));
}

/** The gradient of {@link loss}. */
export const gradient: (params: Parameters, problem: Problem) => Parameters = grad(loss);

/** First parameters, and a problem. */
export function start(dtype: "float32" | "float64" = "float32"): [Parameters, Problem] {
  const numbers = (seed: number, ...shape: number[]): Tensor =>
    uniform(shape, -1, 1, { key: key(seed), dtype });
  return [
    { layer: { W: numbers(1, 3, 2), b: numbers(2, 2) }, U: numbers(3, 2, 4), s: numbers(4).add(2) },
    { x: numbers(5, 6, 3), y: numbers(6, 6, 4) },
  ];
}

/** Every optimizer and wrapper, at a learning rate that suits {@link loss}. */
export const optimizers: Readonly<Record<string, () => Optimizer>> = {
  sgd: () => sgd({ learningRate: 0.1 }),
  sgdMomentum: () =>
    sgd({ learningRate: 0.05, momentum: 0.8, dampening: 0.1, weightDecay: 1e-3, decayed: /W|U/ }),
  sgdNesterov: () => sgd({ learningRate: 0.05, momentum: 0.8, nesterov: true }),
  rmsprop: () => rmsprop({ learningRate: 0.01 }),
  rmspropCentered: () => rmsprop({ learningRate: 0.01, centered: true, momentum: 0.5 }),
  adagrad: () => adagrad({ learningRate: 0.1, learningRateDecay: 0.01 }),
  adadelta: () => adadelta({ learningRate: 10 }),
  adam: () => adam({ learningRate: 0.02 }),
  amsgrad: () => adam({ learningRate: 0.02, amsgrad: true }),
  adamW: () => adamW({ learningRate: 0.02 }),
  adamax: () => adamax({ learningRate: 0.02 }),
  nadam: () => nadam({ learningRate: 0.02 }),
  radam: () => radam({ learningRate: 0.02, beta2: 0.9 }),
  lion: () => lion({ learningRate: 0.01 }),
  lamb: () => lamb({ learningRate: 0.02, weightDecay: 1e-3 }),
  adafactor: () => adafactor(),
  adafactorRate: () => adafactor({ learningRate: 0.02, scaleByParameter: false }),
  muon: () => muon({ others: adam({ learningRate: 0.02 }) }),
  prodigy: () => prodigy({ initialDistance: 0.01 }),
  sophia: () => sophia({ learningRate: 0.01 }),
  rprop: () => rprop(),
  asgd: () => asgd({ learningRate: 0.1, start: 3 }),
  scheduleFreeSgd: () => scheduleFreeSgd({ learningRate: linearWarmup({ steps: 3, after: 0.2 }) }),
  scheduleFreeAdamW: () => scheduleFreeAdamW({ learningRate: 0.02 }),
  lookahead: () => lookahead(sgd({ learningRate: 0.1 }), { steps: 2 }),
  accumulate: () => accumulate(adam({ learningRate: 0.05 }), 2),
  skipNonFinite: () => skipNonFinite(adam({ learningRate: 0.02 }), { limit: 2 }),
  exponentialAverage: () => exponentialAverage(adam({ learningRate: 0.02 })),
  stochasticWeightAverage: () =>
    stochasticWeightAverage(sgd({ learningRate: 0.1 }), { start: 2, every: 2 }),
  reduceOnPlateau: () => reduceOnPlateau(sgd({ learningRate: 0.1 })),
  partition: () =>
    partition([
      { where: /^s$/, optimizer: frozen() },
      { where: (_, x) => x.rank > 1, optimizer: adam({ learningRate: 0.02 }) },
      { optimizer: sgd({ learningRate: 0.1 }) },
    ]),
  clipped: () =>
    chain(
      clipByValue(1),
      clipByNorm(0.9),
      clipAdaptively({ ratio: 1 }),
      clipByGlobalNorm(0.8),
      centralizeGradients(),
      addGradientNoise({ key: key(7), variance: 1e-4 }),
      sgd({ learningRate: 0.1 }),
    ),
};

/** Optimizers with schedules. */
export const scheduled: Readonly<Record<string, () => Optimizer>> = {
  stepDecay: () => sgd({ learningRate: stepDecay({ from: 0.1, factor: 0.9, every: 2 }) }),
  multiStepDecay: () => sgd({ learningRate: multiStepDecay({ from: 0.1, factor: 0.9, at: [2] }) }),
  exponentialDecay: () =>
    sgd({ learningRate: exponentialDecay({ from: 0.1, factor: 0.9, every: 3 }) }),
  polynomialDecay: () => sgd({ learningRate: polynomialDecay({ from: 0.1, steps: 99, power: 2 }) }),
  cosineDecay: () => sgd({ learningRate: cosineDecay({ from: 0.1, steps: 99 }) }),
  cosineRestarts: () =>
    sgd({ learningRate: cosineRestarts({ from: 0.1, steps: 2, growth: 2, factor: 0.9 }) }),
  oneCycle: () =>
    sgd({
      learningRate: oneCycle({ peak: 0.2, steps: 30 }),
      momentum: oneCycle({ peak: 0.8, from: 0.9, to: 0.9, steps: 30 }),
    }),
  cyclic: () =>
    sgd({
      learningRate: cyclicSchedule({
        low: 0.05,
        high: 0.1,
        up: 2,
        cycleFactor: 0.5,
        stepFactor: 0.9,
      }),
    }),
  inverseSquareRoot: () => adam({ learningRate: inverseSquareRoot({ peak: 0.05, warmup: 3 }) }),
  composed: () =>
    adam({
      learningRate: multiplySchedules(
        0.5,
        joinSchedules([0.05, linearWarmup({ steps: 2, after: 0.05 })], [2]),
      ),
    }),
};
