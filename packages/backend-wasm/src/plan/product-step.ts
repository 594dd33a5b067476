/** @file The steps of products, and of packing their right operands. */
import { bytesOf } from "../array.ts";
import type { ProductForm } from "../products/product.ts";
import type { Lowering } from "./lowering.ts";
import { Buffer, type Place } from "./place.ts";
import { locate, type Step } from "./step.ts";

/** A product of places, or a batch of them. */
export interface PlacedProduct {
  /** Where it goes. */
  readonly place: Place;
  /** The operands; the right one packed if the form says so. */
  readonly left: Place;
  readonly right: Place;
  /** What is added. */
  readonly addend: Place | null;
  readonly form: ProductForm;
  /** How many products there are, and elements between the operands of neighbours. */
  readonly count: number;
  readonly apart: readonly [left: number, right: number];
}

/** A step that multiplies. */
export function productStep(
  to: Lowering,
  { place, left, right, addend, form, count, apart }: PlacedProduct,
): void {
  const { slots, products } = to.host;
  const { run, scratch: scratchBytes } = products.of(form);
  const scratch = new Buffer(scratchBytes, to);
  const [m, k, n] = form.sizes;
  const width = bytesOf(form.dtype);
  const [leftApart, rightApart, apartHere] = [...apart, m * n].map((elements) => elements * width);
  const reads = [left.buffer, right.buffer, ...(addend === null ? [] : [addend.buffer])];
  to.steps.push({
    what: `product ${m}×${k}×${n}${count > 1 ? ` × ${count}` : ""}`,
    reads,
    writes: [place.buffer, scratch],
    build: () => {
      const [c, cStart] = locate(place);
      const [a, aStart] = locate(left);
      const [b, bStart] = locate(right);
      const [d, dStart] = addend === null ? [c, 0] : locate(addend);
      const { slot, start } = scratch;
      return () => {
        const space = slots[slot] + start;
        const sum = addend === null ? 0 : slots[d] + dStart;
        let [ci, ai, bi] = [slots[c] + cStart, slots[a] + aStart, slots[b] + bStart];
        for (let i = 0; i < count; i++) {
          run(ci, ai, bi, sum, space);
          ci += apartHere;
          ai += leftApart;
          bi += rightApart;
        }
      };
    },
  });
}

/** A step that packs a right operand. */
export function packStep(to: Lowering, from: Place, packed: Place, form: ProductForm): Step {
  const { slots, products } = to.host;
  const { packRight } = products.of(form);
  return {
    what: `pack ${form.sizes[1]}×${form.sizes[2]}`,
    reads: [from.buffer],
    writes: [packed.buffer],
    build: () => {
      const [source, start] = locate(from);
      const [target, at] = locate(packed);
      return () => packRight(slots[target] + at, slots[source] + start);
    },
  };
}
