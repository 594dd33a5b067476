/**
 * @file Products of matrices: how they are cut into pieces that fit into registers and caches.
 *
 * C = A·B with M × K times K × N elements. Pieces of `depth` steps of k keep a panel of B in the
 * first-level cache; `height` rows of A, packed, stay in the second. B is packed unless few rows read it; B that
 * serves several products, as the weights of a recurrent net, is packed once by {@link Product.packRight}.
 */
import type { Job } from "../crew.ts";
import type { KernelSlot, Machine } from "../machine.ts";
import { blockKernel, type FloatType, forms } from "./block.ts";
import { copyKernel, scatterKernel, transposeKernel } from "./pack.ts";

/** How a matrix lies in memory: bytes from a row to the next, and from a column to the next. */
export interface Strides {
  /** From a row to the next. */
  readonly down: number;
  /** From a column to the next. */
  readonly across: number;
}

/** What is known of a product before its operands are there. */
export interface ProductForm {
  /** Element type of all operands. */
  readonly dtype: FloatType;
  /** M, K and N; none is 0. */
  readonly sizes: readonly [m: number, k: number, n: number];
  /** How A lies. */
  readonly left: Strides;
  /** How B lies. */
  readonly right: Strides;
  /** Whether B comes packed by {@link Product.packRight}. */
  readonly isRightKept: boolean;
  /** Bytes from a row of C to the next; its columns are neighbours. */
  readonly down: number;
  /**
   * Bytes from a row to the next of the addend D in C = A·B + D; 0 for one row that serves all. Its columns
   * are neighbours. Null without addend.
   */
  readonly addendDown: number | null;
}

/** A product made ready for operands of one layout. All of its arguments are addresses. */
export interface Product {
  /** Bytes that {@link Product.run} needs for itself. */
  readonly scratch: number;
  /** Bytes of a packed right operand. */
  readonly rightBytes: number;
  /** Packs B. */
  readonly packRight: (to: number, from: number) => void;
  /** C = A·B + D. C may be D if {@link Product.isWhole}; B is as `isRightKept` says. */
  readonly run: (c: number, a: number, b: number, addend: number, scratch: number) => void;
  /** Whether all steps of k are taken at once, so that nothing is written to C before D was read. */
  readonly isWhole: boolean;
}

/** Steps of k that are taken together: 16 KiB of a panel. */
const depth = 256;
/** Rows of A that are packed together. */
const height = 128;
/** A right operand that fewer rows read is not worth packing, where it can be read as it is. */
const fewRows = 4;
/** A left operand that fewer columns read is not worth packing. */
const fewColumns = 128;

/** Packs so many steps of k, from an address to another, with panels so many bytes apart. */
type Packing = (to: number, toPanel: number, from: number, steps: number) => void;

/**
 * Lines packed into panels: see pack.ts.
 *
 * @param count - How many lines there are.
 * @param fromStep - Bytes from a step of k to the next.
 * @param fromLine - Bytes from a line to the next.
 */
function packing(
  machine: Machine,
  dtype: FloatType,
  width: number,
  count: number,
  fromStep: number,
  fromLine: number,
): Packing {
  const { bytes, lanes } = forms[dtype];
  const panels = Math.floor(count / width);
  const rest = count % width;
  const scatter = machine.slot(`scatter ${dtype} ${width}`, scatterKernel(dtype, width));
  const copies = fromLine === bytes;
  const whole = copies
    ? machine.slot(`copy ${dtype} ${width}`, copyKernel(dtype, width))
    : machine.slot(`transpose ${dtype} ${width}`, transposeKernel(dtype, width));
  const isDense = copies || fromStep === bytes;
  const cuts = new Map<number, ReturnType<Machine["cut"]>>();
  const cutsOf = (steps: number): ReturnType<Machine["cut"]> => {
    const known = cuts.get(steps) ?? machine.cut(panels, count * steps);
    cuts.set(steps, known);
    return known;
  };
  return (to, toPanel, from, steps) => {
    // Transposes take whole vectors of steps; the last steps go one by one.
    const quick = !isDense ? 0 : copies ? steps : steps - (steps % lanes);
    if (panels > 0) {
      if (quick > 0) {
        const over = ([first, size]: readonly [number, number]): Job => {
          const [target, source] = [to + first * toPanel, from + first * width * fromLine];
          return {
            slot: whole,
            values: [target, toPanel, source, fromStep, fromLine, quick, size],
          };
        };
        machine.runAll(cutsOf(quick).map(over));
      }
      if (quick < steps) {
        for (let p = 0; p < panels; p++) {
          const start = from + p * width * fromLine + quick * fromStep;
          const target = to + p * toPanel + quick * width * bytes;
          scatter.run(target, start, fromStep, fromLine, steps - quick, width);
        }
      }
    }
    if (rest > 0) {
      // Lanes that are no columns are computed too: zeros there are quick.
      const target = to + panels * toPanel;
      machine.memory.views.bool.fill(0, target, target + steps * width * bytes);
      scatter.run(target, from + panels * width * fromLine, fromStep, fromLine, steps, rest);
    }
  };
}

/** Makes a product ready. */
export function product(machine: Machine, form: ProductForm): Product {
  const [m, k, n] = form.sizes;
  const { bytes } = forms[form.dtype];
  // A single column is, in memory, a single row: Cᵀ = Bᵀ·Aᵀ reads A in the better order.
  if (n === 1 && m > 1 && form.down === bytes && !form.isRightKept && form.addendDown === null) {
    const turned = product(machine, {
      ...form,
      sizes: [1, k, m],
      left: { down: form.right.across, across: form.right.down },
      right: { down: form.left.across, across: form.left.down },
    });
    return { ...turned, run: (c, a, b, d, scratch) => turned.run(c, b, a, d, scratch) };
  }
  return tiled(machine, form);
}

function tiled(machine: Machine, form: ProductForm): Product {
  const { dtype, left, right, isRightKept, down, addendDown } = form;
  const [m, k, n] = form.sizes;
  const { bytes, lanes } = forms[dtype];
  const { rows, vectors } = machine.tile;
  const width = lanes * vectors;
  const [tiles, lastRows] = [Math.floor(m / rows), m % rows];
  const [panels, lastColumns] = [Math.floor(n / width), n % width];
  const lastVectors = Math.ceil(lastColumns / lanes);

  const readsRight =
    !isRightKept && m <= fewRows && right.across === bytes && (right.down > 0 || k === 1);
  const packsLeft = tiles > 0 && n >= fewColumns;
  const packLeft = (count: number): Packing =>
    packing(machine, dtype, rows, count, left.across, left.down);
  const packFull = packsLeft ? packLeft(Math.min(height, tiles * rows)) : null;
  const packLast = packsLeft ? packLeft((tiles * rows) % height) : null;
  const packAll = packing(machine, dtype, width, n, right.down, right.across);

  const block = (r: number, isLast: boolean, isLeftPacked: boolean): KernelSlot => {
    const columns = isLast ? lastColumns : width;
    const blockForm = {
      dtype,
      rows: r,
      vectors: isLast ? lastVectors : vectors,
      lastLanes: ((columns + lanes - 1) % lanes) + 1,
      isLeftPacked,
    };
    const name = `block ${Object.values(blockForm).join(" ")}`;
    return machine.slot(name, blockKernel(blockForm));
  };
  /** Kernels for rows of whole tiles, and for the rows left over: whole panels, and the last one. */
  const upper = tiles === 0 ? null : [block(rows, false, packsLeft), block(rows, true, packsLeft)];
  const lower =
    lastRows === 0 ? null : [block(lastRows, false, false), block(lastRows, true, false)];
  machine.write();
  // Threads take panels: what is packed of the left operand serves all of them.
  const cuts = machine.cut(panels, 2 * m * Math.min(k, depth) * n);

  const panelRow = width * bytes;
  const leftScratch = packsLeft ? Math.min(height, m) * Math.min(depth, k) * bytes : 0;
  const rightPanels = panels + (lastColumns > 0 ? 1 : 0);
  const rightBytes = rightPanels * k * panelRow;
  const rightScratch = isRightKept || readsRight ? 0 : rightPanels * Math.min(depth, k) * panelRow;
  const addDown = addendDown ?? 0;

  return {
    scratch: leftScratch + rightScratch,
    rightBytes,
    isWhole: k <= depth,
    packRight: (to, from) => packAll(to, k * panelRow, from, k),
    run: (c, a, b, addend, scratch) => {
      for (let start = 0; start < k; start += depth) {
        const steps = Math.min(depth, k - start);
        const resumes = start > 0 ? 1 : 0;
        const d = start + steps === k ? addend : 0;
        let [panel, bDown, bPanel] = [b + start * right.down, right.down, panelRow];
        if (isRightKept) [panel, bDown, bPanel] = [b + start * panelRow, panelRow, k * panelRow];
        else if (!readsRight) {
          [bDown, bPanel] = [panelRow, steps * panelRow];
          packAll(scratch + leftScratch, bPanel, panel, steps);
          panel = scratch + leftScratch;
        }
        /** Tiles of some rows, over panels from the first to the last, as the jobs of one thread. */
        const across = (
          kernels: readonly KernelSlot[],
          row: number,
          [from, aDown, aAcross, aTile]: readonly number[],
          count: number,
        ): void => {
          const target = c + row * down;
          const other = d === 0 ? 0 : d + row * addDown;
          const over = (slot: KernelSlot, first: number, panelCount: number): Job => {
            const skip = first * panelRow;
            const result = [target + skip, down, other === 0 ? 0 : other + skip, addDown];
            const leftOperand = [from, aDown, aAcross, aTile];
            const rightOperand = [panel + first * bPanel, bDown, bPanel, steps * bDown];
            const counts = [count, panelCount, resumes];
            return { slot, values: [...result, ...leftOperand, ...rightOperand, ...counts] };
          };
          if (panels > 0)
            machine.runAll(cuts.map(([first, size]) => over(kernels[0], first, size)));
          if (lastColumns > 0) machine.runAll([over(kernels[1], panels, 1)]);
        };
        const origin = a + start * left.across;
        if (upper !== null && !packsLeft) {
          across(upper, 0, [origin, left.down, left.across, rows * left.down], tiles);
        } else if (upper !== null) {
          const end = tiles * rows;
          for (let row = 0; row < end; row += height) {
            const isFull = row + height <= end || end <= height;
            const pack = (isFull ? packFull : packLast) as Packing;
            pack(scratch, steps * rows * bytes, origin + row * left.down, steps);
            const count = Math.min(height, end - row) / rows;
            across(upper, row, [scratch, 0, rows * bytes, steps * rows * bytes], count);
          }
        }
        if (lower !== null) {
          const row = tiles * rows;
          across(lower, row, [origin + row * left.down, left.down, left.across, 0], 1);
        }
      }
    },
  };
}
