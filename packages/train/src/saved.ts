/** @file Weights as bytes: safetensors, each tensor named by its place in the tree. */
import {
  DTypeError,
  mapTree,
  namedLeaves,
  scope,
  ShapeError,
  type Tensor,
  tensor,
  type Tree,
  TreeError,
} from "@tapeloop/autograd";
import { type ArrayData, decodeSafetensors, encodeSafetensors } from "@tapeloop/io";

/** A type as messages print it. */
function typeOf({ dtype, shape }: Pick<ArrayData, "dtype" | "shape">): string {
  return `${dtype}[${shape.join(",")}]`;
}

/** Refuses a tensor that cannot take the place of another. */
function checkType(
  op: string,
  path: string,
  own: Tensor,
  given: Pick<ArrayData, "dtype" | "shape">,
): void {
  const rule = `"${path}" of the model is ${typeOf(own)}`;
  if (given.shape.join() !== own.shape.join()) throw new ShapeError(op, rule, typeOf(given));
  if (given.dtype !== own.dtype) throw new DTypeError(op, rule, typeOf(given));
}

/** Refuses tensors that cannot take the places of a model's. */
export function checkSameTypes<T extends Tree>(op: string, own: T, given: T): void {
  const places = namedLeaves(own).map(({ path }) => path);
  mapTree(
    (x, next) => {
      checkType(op, places.shift() as string, x, next);
      return x;
    },
    own,
    given,
  );
}

/** The bytes of a safetensors file that holds a tree. */
export function encodeTree(
  tree: Tree,
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  return encodeSafetensors(
    Object.fromEntries(
      namedLeaves(tree).map(({ path, tensor: x }): [string, ArrayData] => [
        path,
        { dtype: x.dtype, shape: x.shape, data: x.dataSync() },
      ]),
    ),
    metadata,
  );
}

/** The first few names. */
function listed(names: readonly string[]): string {
  const rest = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return `${names.slice(0, 3).join(", ")}${rest}`;
}

/**
 * A tree like a model's, with the tensors of a file.
 *
 * @param isForeign - Names in the file that are not asked for.
 */
export function decodeTree<T extends Tree>(
  op: string,
  own: T,
  bytes: Uint8Array,
  isForeign: (name: string) => boolean = () => false,
): T {
  const { tensors } = decodeSafetensors(bytes);
  const names = namedLeaves(own).map(({ path }) => path);
  const missing = names.filter((name) => !Object.hasOwn(tensors, name));
  const unknown = Object.keys(tensors).filter((name) => !names.includes(name) && !isForeign(name));
  if (missing.length > 0 || unknown.length > 0) {
    throw new TreeError(
      op,
      "the file has the tensors of the model",
      [
        missing.length > 0 ? `none for ${listed(missing)}` : "",
        unknown.length > 0 ? `unknown ${listed(unknown)}` : "",
      ]
        .filter(Boolean)
        .join("; "),
      "Load it into a model of the same layers, compiled with the same optimizer.",
    );
  }
  return scope(() =>
    mapTree((x) => {
      const path = names.shift() as string;
      const stored = tensors[path];
      checkType(op, path, x, stored);
      return tensor(stored.data as Float32Array, {
        shape: stored.shape,
        dtype: x.dtype as "float32",
        backend: x.backend,
      });
    }, own),
  );
}
