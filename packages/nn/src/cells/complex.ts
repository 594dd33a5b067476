/** @file Complex numbers as pairs of real tensors, as far as linear recurrences need them. */
import { add, exp, cos, mul, sin, sub, Tensor, zeros } from "@tapeloop/autograd";
import type { FloatType } from "../initializers/initializer.ts";

/** A tensor of complex numbers: two real ones of one shape. */
export interface Complex {
  /** The real part. */
  readonly re: Tensor;
  /** The imaginary part. */
  readonly im: Tensor;
}

/** A part of a state: of real or of complex numbers. */
export type StatePart = Tensor | Complex;

/** Whether a branch of a tree is a complex number. */
export function isComplex(value: unknown): value is Complex {
  const { re, im } = value as Partial<Complex>;
  return re instanceof Tensor && im instanceof Tensor;
}

/** Whether a branch of a tree is one part of a state. */
export function isPart(value: unknown): value is StatePart {
  return value instanceof Tensor || isComplex(value);
}

/** x y, element by element. Both are real or both are complex. */
export function times<T extends StatePart>(x: T, y: T): T {
  return (isComplex(x) && isComplex(y) ? product(x, y) : mul(x as Tensor, y as Tensor)) as T;
}

/** x + y, element by element. */
export function plus<T extends StatePart>(x: T, y: T): T {
  return (
    isComplex(x) && isComplex(y)
      ? { re: add(x.re, y.re), im: add(x.im, y.im) }
      : add(x as Tensor, y as Tensor)
  ) as T;
}

/** (a + bi)(c + di) */
function product({ re: a, im: b }: Complex, { re: c, im: d }: Complex): Complex {
  return { re: sub(mul(a, c), mul(b, d)), im: add(mul(a, d), mul(b, c)) };
}

/** A complex number times a real one. */
export function scaled({ re, im }: Complex, by: Tensor): Complex {
  return { re: mul(re, by), im: mul(im, by) };
}

/** Re Σ x y over the last axis of x and the first of y, for a matrix y: the real part of a product. */
export function realProduct(x: Complex, y: Complex): Tensor {
  return sub(x.re.matmul(y.re), x.im.matmul(y.im));
}

/** e^(re + i im) */
export function complexExp({ re, im }: Complex): Complex {
  const radius = exp(re);
  return { re: radius.mul(cos(im)), im: radius.mul(sin(im)) };
}

/** Complex zeros. */
export function complexZeros(shape: readonly number[], dtype: FloatType): Complex {
  return { re: zeros(shape, { dtype }), im: zeros(shape, { dtype }) };
}
