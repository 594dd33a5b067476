/**
 * @file The inner loops of products: tiles of the result held in registers, over panels of the right
 * operand. One template for all element types, tiles and edges.
 *
 * The sums of every element run in rising order of k from 0, whatever the tile and however k is cut into
 * pieces: so results do not depend on the tile that a machine prefers.
 *
 * A round of the inner loop is one step of k. V8 makes two of it by itself, without spilling; several steps written
 * here in one piece are slower (its scheduler moves all their loads to the front, for which there are no registers:
 * two thirds of the speed with two steps, half with eight), and with a branch between them no faster.
 */
import type { Body } from "../emitter.ts";
import { type FunctionSource, namedParameters } from "../module.ts";

/** Element types that products are computed in. */
export type FloatType = "float32" | "float64";

/** What a block kernel is made for. */
export interface BlockForm {
  /** Element type of all operands. */
  readonly dtype: FloatType;
  /** Rows of the tile. */
  readonly rows: number;
  /** Vectors in a row of the tile, 16 bytes each. */
  readonly vectors: number;
  /** Elements of the last vector that are columns of the result; the others are not stored. */
  readonly lastLanes: number;
  /** Whether the rows of a tile of the left operand are neighbours in memory, or lie anywhere. */
  readonly isLeftPacked: boolean;
}

/** The instructions that differ between element types. */
export const forms = {
  float32: {
    bytes: 4,
    lanes: 4,
    splat: "v128.load32_splat",
    mul: "f32x4.mul",
    add: "f32x4.add",
    madd: "f32x4.relaxed_madd",
  },
  float64: {
    bytes: 8,
    lanes: 2,
    splat: "v128.load64_splat",
    mul: "f64x2.mul",
    add: "f64x2.add",
    madd: "f64x2.relaxed_madd",
  },
} as const;

/** The arguments of a block kernel, in this order; all are addresses, bytes or counts. */
const { parameters, place } = namedParameters([
  /** The first tile of the result, and from a row of it to the next. */
  "c",
  "cDown",
  /** What is added at the end, if not 0, and from a row of it to the next. */
  "addend",
  "addendDown",
  /** The left operand; from a row to the next (where it is not packed), a column, a tile. */
  "a",
  "aDown",
  "aAcross",
  "aTile",
  /** The right operand: columns are neighbours; from a row to the next, from a panel to the next, all of a panel. */
  "b",
  "bDown",
  "bPanel",
  "bSize",
  /** How many tiles lie below one another, and how many panels side by side. */
  "tiles",
  "panels",
  /** Whether the result holds a sum to go on from. */
  "resumes",
]);

/** `tiles` × `panels` tiles of C = A·B, C = C + A·B, and either plus an addend. */
export function blockKernel(form: BlockForm): FunctionSource {
  return { parameters, write: (body) => writeBlock(body, form) };
}

function writeBlock(body: Body, form: BlockForm): void {
  const { dtype, rows, vectors, lastLanes, isLeftPacked } = form;
  const { bytes, lanes, splat, mul, add, madd } = forms[dtype];
  const width = 16 * vectors;
  const sums = Array.from({ length: rows }, () =>
    Array.from({ length: vectors }, () => body.local("v128")),
  );
  const columns = Array.from({ length: vectors }, () => body.local("v128"));
  const factor = body.local("v128");
  const lefts = Array.from({ length: isLeftPacked ? 1 : rows }, () => body.local("i32"));
  const [aTile, cTile, addendTile, b, end, row, tiles] = Array.from({ length: 7 }, () =>
    body.local("i32"),
  );

  /** Visits the rows that begin at a pointer; `row` holds the address of each. */
  const eachRow = (start: number, down: number, visit: (r: number) => void): void => {
    body.get(start).set(row);
    for (let r = 0; r < rows; r++) {
      visit(r);
      if (r < rows - 1) body.add(row, down);
    }
  };
  const addRows = (pointer: number, down: number): void => {
    body.get(pointer).get(down).i32(rows).op("i32.mul", "i32.add").set(pointer);
  };

  body.repeat(place.panels, () => {
    body.get(place.a).set(aTile).get(place.c).set(cTile).get(place.addend).set(addendTile);
    body.get(place.b).get(place.bSize).op("i32.add").set(end);
    body.get(place.tiles).set(tiles);
    body.repeat(tiles, () => {
      body.get(place.b).set(b);
      lefts.forEach((a, r) => {
        if (r === 0) body.get(aTile).set(a);
        else
          body
            .get(lefts[r - 1])
            .get(place.aDown)
            .op("i32.add")
            .set(a);
      });
      body.zero(sums.flat());
      body.get(place.resumes).when(() =>
        eachRow(cTile, place.cDown, (r) =>
          sums[r].forEach((sum, v) =>
            body
              .get(row)
              .at("v128.load", 16 * v)
              .set(sum),
          ),
        ),
      );
      body.loopUntil(b, end, () => {
        columns.forEach((column, v) =>
          body
            .get(b)
            .at("v128.load", 16 * v)
            .set(column),
        );
        sums.forEach((ofRow, r) => {
          if (isLeftPacked)
            body
              .get(lefts[0])
              .at(splat, bytes * r)
              .set(factor);
          else body.get(lefts[r]).at(splat).set(factor);
          ofRow.forEach((sum, v) => {
            if (body.canFuse) body.get(factor).get(columns[v]).get(sum).op(madd).set(sum);
            else body.get(sum).get(factor).get(columns[v]).op(mul, add).set(sum);
          });
        });
        for (const a of lefts) body.add(a, place.aAcross);
        body.add(b, place.bDown);
      });
      body.get(place.addend).when(() => {
        eachRow(addendTile, place.addendDown, (r) =>
          sums[r].forEach((sum, v) =>
            body
              .get(sum)
              .get(row)
              .at("v128.load", 16 * v)
              .op(add)
              .set(sum),
          ),
        );
        addRows(addendTile, place.addendDown);
      });
      eachRow(cTile, place.cDown, (r) =>
        sums[r].forEach((sum, v) => {
          const count = v < vectors - 1 ? lanes : lastLanes;
          if (count === lanes)
            body
              .get(row)
              .get(sum)
              .at("v128.store", 16 * v);
          else storePart(body, row, sum, 16 * v, count * bytes);
        }),
      );
      body.add(aTile, place.aTile);
      addRows(cTile, place.cDown);
    });
    body.add(place.b, place.bPanel);
    body.advance(place.c, width);
    body.get(place.addend).when(() => body.advance(place.addend, width));
  });
}

/** Stores the first 4, 8 or 12 bytes of a vector. */
function storePart(body: Body, at: number, vector: number, offset: number, bytes: number): void {
  if (bytes >= 8) body.get(at).get(vector).storeLane("v128.store64_lane", offset, 0);
  if (bytes % 8 === 0) return;
  const last = bytes / 4 - 1;
  body
    .get(at)
    .get(vector)
    .storeLane("v128.store32_lane", offset + 4 * last, last);
}
