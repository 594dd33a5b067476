/**
 * Optimizers as pairs of pure functions, `init` and `update`, over trees of parameters, and
 * transformations of gradients that are chained before them.
 *
 * @packageDocumentation
 */
export {
  chain,
  type Optimizer,
  type OptimizerState,
  type Transformation,
  type Transformed,
  type Updated,
} from "./optimizer.ts";
export { sgd, type SgdOptions } from "./sgd.ts";
export { adam, type AdamOptions } from "./adam.ts";
export { clipByGlobalNorm, globalNorm } from "./clip.ts";
