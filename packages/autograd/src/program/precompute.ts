/** @file What a program computes of its constants alone, such as masks and positions: done once, before it runs. */
import type { Backend } from "../backend.ts";
import { defaultBackend } from "../default-backend.ts";
import { keep } from "../interpreters/eager.ts";
import { noGrad } from "../interpreters/record.ts";
import { scope } from "../memory.ts";
import { Fill } from "../primitives/leaf.ts";
import type { Tensor } from "../tensor.ts";
import { evaluate } from "./evaluate.ts";
import { bytes } from "./explain.ts";
import type { Constant, Program, ProgramNode, Variable } from "./program.ts";
import { withoutDead } from "./simplify.ts";

/** What takes more bytes than this is computed again each time rather than held. */
const mostBytes = 2 ** 20;

/** Whether a result is worth a place of its own: one number everywhere is not, nor is another look at something. */
function isWorthHolding({ primitive }: ProgramNode, result: Variable): boolean {
  return primitive !== Fill && primitive.isView !== true && bytes(result) <= mostBytes;
}

/**
 * The same program, with what no input has a part in computed now, as further constants. What cannot be computed is
 * left in the program, which says so when it runs.
 *
 * Programs of other backends than the default one stay as they are, since ops without inputs run there; and those of
 * backends that leave ops to another one, and decide by the whole program where a constant is made.
 */
export function precomputed(program: Program, backend: Backend): Program {
  if (backend !== defaultBackend() || backend.elsewhere !== undefined) return program;
  const { inputs, constants, nodes, outputs } = program;
  const makers = new Map<Variable, ProgramNode>();
  const fixed = new Set(constants.map(({ variable }) => variable));
  const [early, late]: [ProgramNode[], Set<ProgramNode>] = [[], new Set()];
  for (const node of nodes) {
    if (node.inputs.every((v) => fixed.has(v))) {
      early.push(node);
      for (const y of node.outputs) {
        fixed.add(y);
        makers.set(y, node);
      }
    } else late.add(node);
  }

  const wanted = new Set<Variable>();
  const want = (v: Variable): void => {
    const node = makers.get(v);
    if (node === undefined || late.has(node)) return;
    if (isWorthHolding(node, v)) wanted.add(v);
    else {
      late.add(node);
      for (const x of node.inputs) want(x);
    }
  };
  for (const v of [...late].flatMap((node) => node.inputs).concat(outputs)) want(v);
  // Of what stays because of one result, all results stay.
  const results = [...wanted].filter((v) => !late.has(makers.get(v) as ProgramNode));
  if (results.length === 0) return program;

  const needed = withoutDead({ inputs: [], constants, nodes: early, outputs: results });
  const made: Constant[] = [];
  try {
    scope(() => {
      const known = noGrad(() => evaluate(needed, []));
      for (const variable of results) {
        made.push({ variable, tensor: keep(known.get(variable) as Tensor) });
      }
    });
  } catch {
    return program;
  }
  return withoutDead({
    inputs,
    constants: [...constants, ...made],
    nodes: nodes.filter((node) => late.has(node)),
    outputs,
  });
}
