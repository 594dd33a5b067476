/** @file Different optimizers for different parameters. */
import { ArgumentError, checkOptions, type Tensor, type Tree } from "@tapeloop/autograd";
import type { Optimizer, OptimizerState } from "../optimizer.ts";
import { isSelected, type Selection } from "../selection.ts";
import { mapNamed } from "../trees.ts";
import { pure } from "../update.ts";

/** Parameters, and what moves them: a part of a {@link partition}. */
export interface ParameterGroup {
  /** Which parameters. Default: all that no group before has taken. */
  readonly where?: Selection;
  /** What moves them. */
  readonly optimizer: Optimizer;
}

/** Parameters of a group by their paths. */
type Members = Readonly<Record<string, Tensor>>;

/**
 * An optimizer for each group of parameters: other learning rates for some, no weight decay for others, and
 * {@link frozen} ones. A parameter belongs to the first group that selects it. Norms over all gradients,
 * such as {@link clipByGlobalNorm}'s, are taken over the group inside of one, and over all in a chain around.
 *
 * State: a list of the states of the groups, where parameters are named by their paths.
 *
 * @throws ArgumentError if an option is unknown, and from `init` if no group takes a parameter.
 *
 * @example
 * ```ts
 * import { adam, frozen, partition, sgd, tensor } from "tapeloop";
 *
 * const optimizer = partition([
 *   { where: /^embedding/, optimizer: frozen() },
 *   { where: (_, x) => x.rank < 2, optimizer: sgd({ learningRate: 0.5 }) },
 *   { optimizer: adam() },
 * ]);
 * const params = { embedding: tensor([[1]]), layer: { W: tensor([[1]]), b: tensor([1]) } };
 * const next = optimizer.update(params, optimizer.init(params), params).params;
 * console.log(next.embedding.item(), next.layer.b.item()); // 1 0.5
 * ```
 */
export function partition(groups: readonly ParameterGroup[]): Optimizer {
  for (const group of groups) checkOptions("partition", group, ["where", "optimizer"]);
  /** The number of the group that a parameter belongs to. */
  const groupOf = (path: string, x: Tensor): number =>
    groups.findIndex(({ where }) => where === undefined || isSelected(where, path, x));
  /** For each group, those of a tree like the parameters. */
  const split = (params: Tree, tree: Tree): Members[] => {
    const parts: Record<string, Tensor>[] = groups.map(() => ({}));
    mapNamed(
      (path, x, leaf) => {
        const group = groupOf(path, x);
        if (group === -1) {
          throw new ArgumentError(
            "partition",
            "every parameter belongs to a group",
            `"${path}", which none selects`,
            "Add { optimizer: frozen() } as the last group.",
          );
        }
        parts[group][path] = leaf;
        return x;
      },
      params,
      tree,
    );
    return parts;
  };
  return {
    init: (params) => split(params, params).map((part, i) => groups[i].optimizer.init(part)),
    update: (grads, state, params) =>
      pure(() => {
        const states = state as readonly OptimizerState[];
        const ofGrads = split(params, grads);
        const updated = split(params, params).map((part, i) =>
          groups[i].optimizer.update(ofGrads[i], states[i], part),
        );
        const moved: Members = Object.assign({}, ...updated.map((next) => next.params));
        return {
          params: mapNamed((path) => moved[path], params),
          state: updated.map((next) => next.state),
        };
      }),
  };
}

/**
 * An optimizer that leaves parameters as they are, for groups of a {@link partition}. State: none.
 *
 * @example
 * ```ts
 * import { frozen, tensor } from "tapeloop";
 *
 * const params = { w: tensor([1]) };
 * console.log(frozen().update({ w: tensor([5]) }, {}, params).params.w.item()); // 1
 * ```
 */
export function frozen(): Optimizer {
  return { init: () => ({}), update: (_, state, params) => ({ params, state }) };
}
