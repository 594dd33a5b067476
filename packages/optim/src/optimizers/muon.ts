/** @file Muon. */
import { checkOptions } from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import { checkCounts, checkRange } from "../numbers.ts";
import type { Optimizer } from "../optimizer.ts";
import { checkSchedule, type Schedule } from "../schedules/schedule.ts";
import type { Selection } from "../selection.ts";
import { momentum as withMomentum } from "../transformations/momentum.ts";
import { orthogonalizeGradients } from "../transformations/orthogonalize.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";
import { partition } from "../wrappers/partition.ts";
import { adamW } from "./adam.ts";

/** Options of {@link muon}. */
export interface MuonOptions extends WeightDecayOptions {
  /** α of the matrices. Default: 0.02. */
  readonly learningRate?: number | Schedule;
  /** μ, in [0, 1), or a schedule. Default: 0.95. */
  readonly momentum?: number | Schedule;
  /** Whether the momentum is Nesterov's. Default: true. */
  readonly nesterov?: boolean;
  /** Steps of the Newton-Schulz iteration. Default: 5. */
  readonly iterations?: number;
  /** The parameters that are moved so: no embeddings, not the last layer. Default: all of rank 2. */
  readonly matrices?: Selection;
  /** What moves the other parameters. Default: `adamW({ learningRate: 3e-4 })`. */
  readonly others?: Optimizer;
}

/**
 * Muon: momentum, made orthogonal, for matrices; another optimizer for everything else.
 *
 * ```text
 * v′ = μ v + g
 * O = orthogonalize(g + μ v′), or of v′ without Nesterov's momentum
 * θ′ = θ − α (√max(1, outputs / inputs) O + λ θ)
 * ```
 *
 * Shapes: matrices are [inputs, outputs]. State: of a {@link partition} in a {@link descent} whose first
 * direction keeps `{ velocity }`, like the matrices, and `others`.
 *
 * Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks", algorithm 2; see
 * {@link orthogonalizeGradients}. Defaults of the authors; λ = 0.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown; ShapeError from `update`
 *   if `matrices` selects something else.
 *
 * @example
 * ```ts
 * import { muon, tensor } from "tapeloop";
 *
 * const optimizer = muon({ matrices: (path, x) => x.rank === 2 && path !== "embedding" });
 * const params = { embedding: tensor([[1, 1]]), W: tensor([[1, 0], [0, 1]]), b: tensor([0, 0]) };
 * const next = optimizer.update(params, optimizer.init(params), params);
 * console.log(next.params.W.less(params.W).toArray()); // [ [ 1, 0 ], [ 0, 1 ] ]
 * ```
 */
export function muon(options: MuonOptions = {}): Optimizer {
  const known = ["learningRate", "momentum", "nesterov", "iterations", "matrices", "others"];
  checkOptions("muon", options, [...known, ...weightDecayOptions]);
  const { learningRate = 0.02, momentum = 0.95, nesterov = true, iterations = 5 } = options;
  const { matrices = (_, x) => x.rank === 2, others = adamW({ learningRate: 3e-4 }) } = options;
  checkSchedule("muon", { learningRate });
  if (typeof momentum !== "function") checkRange("muon", { momentum }, 0, 1);
  checkCounts("muon", { iterations });
  const ofMatrices = descent(
    learningRate,
    withMomentum(momentum, { nesterov }),
    orthogonalizeGradients(iterations),
    ...weightDecayOf("muon", options),
  );
  return partition([{ where: matrices, optimizer: ofMatrices }, { optimizer: others }]);
}
