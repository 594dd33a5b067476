/**
 * @file Convolutions as compositions: windows are gathered, and one contraction does the rest, so
 * derivatives of every order come by themselves. B batch, C channels, O output channels, L, H, W space.
 */
import { apply } from "../apply.ts";
import { promote } from "../dtype.ts";
import { ArgumentError, checkOptions, ShapeError } from "../errors.ts";
import { floatOperand } from "../operands.ts";
import { cast } from "../primitives/choice.ts";
import { dotGeneral } from "../primitives/contraction.ts";
import { flip, Pad, slice } from "../primitives/slicing.ts";
import { permute, reshape } from "../primitives/movement.ts";
import { formatTypes } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { checkCount } from "./rearrange.ts";
import { latticeOf, type Padding, perAxis, type PerAxis, windowsOn } from "./spatial.ts";

/** How a kernel lies on the spatial axes. */
export interface ConvOptions {
  /** From one place of the kernel to the next. Default: 1. */
  readonly stride?: PerAxis;
  /**
   * Zeros at both ends of every spatial axis; "same": as many as make ⌈n/stride⌉ results, the odd one
   * behind; "valid": none. Default: 0.
   */
  readonly padding?: Padding;
  /** From one element under the kernel to the next. Default: 1. */
  readonly dilation?: PerAxis;
  /** Channels are dealt out to so many convolutions side by side. Default: 1. */
  readonly groups?: number;
}

/** How a kernel lies on the spatial axes of the result. */
export interface ConvTransposeOptions {
  /** Zeros put between neighbours make the axis so many times as long. Default: 1. */
  readonly stride?: PerAxis;
  /** Elements cut off at both ends: what the convolution was padded with. Default: 0. */
  readonly padding?: PerAxis;
  /** More elements at the end, where a stride leaves the size open. Default: 0. */
  readonly outputPadding?: PerAxis;
  /** From one element under the kernel to the next. Default: 1. */
  readonly dilation?: PerAxis;
  /** Channels are dealt out to so many convolutions side by side. Default: 1. */
  readonly groups?: number;
}

/** Operands of one floating-point type and the right ranks. */
function operands(
  op: string,
  x: TensorLike,
  kernel: TensorLike,
  spatial: number,
): [Tensor, Tensor] {
  const [a, w] = [floatOperand(x), floatOperand(kernel)];
  if (a.rank !== spatial + 2 || w.rank !== spatial + 2) {
    const axes = spatial === 1 ? "length" : "height, width";
    throw new ShapeError(
      op,
      `takes [batch, channels, ${axes}] and a kernel of as many axes`,
      formatTypes([a, w]),
    );
  }
  const dtype = promote(a.dtype, w.dtype);
  return [cast(a, dtype), cast(w, dtype)];
}

/** The number of groups, into which channels must divide. */
function checkGroups(op: string, groups: number, ...channels: readonly number[]): void {
  checkCount(op, "groups", groups);
  if (channels.some((n) => n % groups !== 0)) {
    throw new ArgumentError(
      op,
      "channels must divide into the groups",
      `${channels.join(" and ")} channels in ${groups} groups`,
    );
  }
}

/** The convolution over as many spatial axes as the options of `lattice` say. */
function convolve(op: string, x: Tensor, kernel: Tensor, options: ConvOptions): Tensor {
  checkOptions(op, options, ["stride", "padding", "dilation", "groups"]);
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [batch, channels] = x.shape;
  const [outputs, each, ...sizes] = kernel.shape;
  checkGroups(op, groups, channels, outputs);
  if (each * groups !== channels) {
    throw new ShapeError(
      op,
      "the kernel is [outputs, channels / groups, …]",
      `${formatTypes([x, kernel])} (${each} ≠ ${channels / groups})`,
    );
  }
  const lattice = latticeOf(op, x, { sizes, stride, dilation, padding });
  const seen = windowsOn(x, lattice, 0);
  const [, , ...pairs] = seen.shape;
  // [B, groups, C/groups, windows, size, …] with [groups, O/groups, C/groups, size, …]
  const places = sizes.map((_, i) => i);
  const product = dotGeneral(
    reshape(seen, [batch, groups, each, ...pairs]),
    reshape(kernel, [groups, outputs / groups, each, ...sizes]),
    {
      batch: [[1], [0]],
      contract: [
        [2, ...places.map((i) => 4 + 2 * i)],
        [2, ...places.map((i) => 3 + i)],
      ],
    },
  );
  // [groups, B, windows…, O/groups] to [B, O, windows…]
  const counts = places.map((i) => pairs[2 * i]);
  const last = product.rank - 1;
  return reshape(permute(product, [1, 0, last, ...places.map((i) => 2 + i)]), [
    batch,
    outputs,
    ...counts,
  ]);
}

/**
 * Sums of products of a kernel with the windows of a sequence: y[b,o,t] = Σ x[b,c,t·stride + k·dilation]
 * kernel[o,c,k]. The kernel is not turned around. For a bias add it in the shape [O, 1].
 *
 * Shapes: x [B, C, L], kernel [O, C / groups, K] → [B, O, ⌊(L + padding − (K − 1)·dilation − 1) / stride⌋ + 1],
 * as in PyTorch.
 *
 * @throws ShapeError if the shapes do not fit, or the kernel is longer than the padded axis.
 *
 * @example
 * ```ts
 * import { conv1d, tensor } from "tapeloop";
 *
 * const x = tensor([[[1, 2, 4, 8]]]);
 * const differences = tensor([[[-1, 1]]]);
 * console.log(conv1d(x, differences).toArray()); // [ [ [ 1, 2, 4 ] ] ]
 * ```
 */
export function conv1d(x: TensorLike, kernel: TensorLike, options: ConvOptions = {}): Tensor {
  const [a, w] = operands("conv1d", x, kernel, 1);
  return convolve("conv1d", a, w, options);
}

/**
 * {@link conv1d} over two axes, such as those of images.
 *
 * Shapes: x [B, C, H, W], kernel [O, C / groups, K, M] → [B, O, …]. Options are one number for both axes, or
 * [of the height, of the width].
 *
 * @throws ShapeError if the shapes do not fit, or the kernel is larger than the padded axes.
 *
 * @example
 * ```ts
 * import { conv2d, ones } from "tapeloop";
 *
 * const y = conv2d(ones([8, 3, 28, 28]), ones([16, 3, 5, 5]), { stride: 2, padding: "same" });
 * console.log(y.shape); // [ 8, 16, 14, 14 ]
 * ```
 */
export function conv2d(x: TensorLike, kernel: TensorLike, options: ConvOptions = {}): Tensor {
  const [a, w] = operands("conv2d", x, kernel, 2);
  return convolve("conv2d", a, w, options);
}

/** The transpose of {@link convolve}: the convolution of x with zeros between its elements. */
function convolveTranspose(
  op: string,
  x: Tensor,
  kernel: Tensor,
  options: ConvTransposeOptions,
): Tensor {
  checkOptions(op, options, ["stride", "padding", "outputPadding", "dilation", "groups"]);
  const { groups = 1 } = options;
  const [, channels] = x.shape;
  const [inputs, each, ...sizes] = kernel.shape;
  checkGroups(op, groups, channels);
  if (inputs !== channels) {
    throw new ShapeError(
      op,
      "the kernel is [channels, outputs / groups, …]",
      `${formatTypes([x, kernel])} (${inputs} ≠ ${channels})`,
    );
  }
  const axis = (
    what: keyof Omit<ConvTransposeOptions, "groups">,
    otherwise: number,
  ): readonly number[] => perAxis(op, what, options[what] ?? otherwise, sizes.length, otherwise);
  const [strides, dilations] = [axis("stride", 1), axis("dilation", 1)];
  const [cuts, extra] = [axis("padding", 0), axis("outputPadding", 0)];
  // Every element of x reaches (size − 1)·dilation further on both sides, less what is cut off.
  const reach = sizes.map((size, i) => (size - 1) * dilations[i] - cuts[i]);
  const none = { before: 0, between: 0, after: 0 };
  const spans = reach.map((n, i) => ({
    before: Math.max(0, n),
    between: strides[i] - 1,
    after: Math.max(0, n + extra[i]),
  }));
  const apart = apply(Pad, [x], { spans: [none, none, ...spans], value: 0 });
  const within = slice(apart, [
    null,
    null,
    ...reach.map((n, i) => ({
      start: Math.max(0, -n),
      stop: apart.shape[2 + i] - Math.max(0, -n - extra[i]),
    })),
  ]);
  const places = sizes.map((_, i) => i);
  const byGroup = reshape(kernel, [groups, channels / groups, each, ...sizes]);
  const swapped = reshape(permute(byGroup, [0, 2, 1, ...places.map((i) => 3 + i)]), [
    groups * each,
    channels / groups,
    ...sizes,
  ]);
  const turned = flip(swapped, { axes: places.map((i) => 2 + i) });
  return convolve(op, within, turned, { dilation: dilations, groups });
}

/**
 * The transpose of {@link conv1d}, what its derivative by x is: every element is spread over a window. Also
 * called deconvolution.
 *
 * Shapes: x [B, C, L], kernel [C, O / groups, K] → [B, O, (L − 1)·stride − 2·padding + (K − 1)·dilation +
 * outputPadding + 1], as in PyTorch.
 *
 * @throws ShapeError if the shapes do not fit.
 *
 * @example
 * ```ts
 * import { convTranspose1d, tensor } from "tapeloop";
 *
 * const x = tensor([[[1, 2]]]);
 * console.log(convTranspose1d(x, tensor([[[1, 1]]]), { stride: 2 }).toArray()); // [ [ [ 1, 1, 2, 2 ] ] ]
 * ```
 */
export function convTranspose1d(
  x: TensorLike,
  kernel: TensorLike,
  options: ConvTransposeOptions = {},
): Tensor {
  const [a, w] = operands("convTranspose1d", x, kernel, 1);
  return convolveTranspose("convTranspose1d", a, w, options);
}

/**
 * The transpose of {@link conv2d}; see {@link convTranspose1d}.
 *
 * Shapes: x [B, C, H, W], kernel [C, O / groups, K, M] → [B, O, …].
 *
 * @throws ShapeError if the shapes do not fit.
 */
export function convTranspose2d(
  x: TensorLike,
  kernel: TensorLike,
  options: ConvTransposeOptions = {},
): Tensor {
  const [a, w] = operands("convTranspose2d", x, kernel, 2);
  return convolveTranspose("convTranspose2d", a, w, options);
}
