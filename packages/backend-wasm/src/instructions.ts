/** @file Instructions of WebAssembly by their names in the specification, and the bytes that stand for them. */

/** The types of parameters and locals. */
export type ValueType = "i32" | "f32" | "f64" | "v128";

export const typeCodes: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** Instructions without immediate operands. Those of two bytes and more are SIMD, behind 0xfd. */
export const plain = {
  "i32.add": [0x6a],
  "i32.sub": [0x6b],
  "i32.mul": [0x6c],
  "i32.eq": [0x46],
  "i32.ne": [0x47],
  "i32.lt_u": [0x49],
  "i32.and": [0x71],
  "f32.eq": [0x5b],
  "f32.ne": [0x5c],
  "f32.gt": [0x5e],
  "f64.eq": [0x61],
  "f64.ne": [0x62],
  "f64.gt": [0x64],
  "f32.add": [0x92],
  "f32.mul": [0x94],
  "f32.max": [0x97],
  "f64.add": [0xa0],
  "f64.max": [0xa5],
  "i32.or": [0x72],
  "i32.gt_s": [0x4a],
  select: [0x1b],
  "f32.convert_i32_s": [0xb2],
  "f64.convert_i32_s": [0xb7],
  "f64.promote_f32": [0xbb],
  "f32.demote_f64": [0xb6],
  "i32x4.splat": [0xfd, 0x11],
  "f32x4.splat": [0xfd, 0x13],
  "f64x2.splat": [0xfd, 0x14],
  "i32x4.eq": [0xfd, 0x37],
  "i32x4.ne": [0xfd, 0x38],
  "i32x4.lt_s": [0xfd, 0x39],
  "f32x4.eq": [0xfd, 0x41],
  "f32x4.lt": [0xfd, 0x43],
  "f32x4.gt": [0xfd, 0x44],
  "f64x2.eq": [0xfd, 0x47],
  "f64x2.lt": [0xfd, 0x49],
  "f64x2.gt": [0xfd, 0x4a],
  "v128.not": [0xfd, 0x4d],
  "v128.and": [0xfd, 0x4e],
  "v128.andnot": [0xfd, 0x4f],
  "v128.or": [0xfd, 0x50],
  "v128.xor": [0xfd, 0x51],
  "v128.bitselect": [0xfd, 0x52],
  "v128.any_true": [0xfd, 0x53],
  "f32x4.demote_f64x2_zero": [0xfd, 0x5e],
  "f64x2.promote_low_f32x4": [0xfd, 0x5f],
  "i8x16.narrow_i16x8_u": [0xfd, 0x66],
  "f32x4.floor": [0xfd, 0x68],
  "f32x4.trunc": [0xfd, 0x69],
  "f32x4.nearest": [0xfd, 0x6a],
  "f64x2.floor": [0xfd, 0x75],
  "f64x2.trunc": [0xfd, 0x7a],
  "f64x2.nearest": [0xfd, 0x94, 0x01],
  "i16x8.narrow_i32x4_s": [0xfd, 0x85, 0x01],
  "i16x8.extend_low_i8x16_u": [0xfd, 0x89, 0x01],
  "i32x4.extend_low_i16x8_u": [0xfd, 0xa9, 0x01],
  "i32x4.shl": [0xfd, 0xab, 0x01],
  "i32x4.shr_s": [0xfd, 0xac, 0x01],
  "i32x4.shr_u": [0xfd, 0xad, 0x01],
  "i32x4.add": [0xfd, 0xae, 0x01],
  "i32x4.sub": [0xfd, 0xb1, 0x01],
  "i32x4.mul": [0xfd, 0xb5, 0x01],
  "i32x4.min_s": [0xfd, 0xb6, 0x01],
  "i32x4.max_s": [0xfd, 0xb8, 0x01],
  "i64x2.sub": [0xfd, 0xd1, 0x01],
  "i64x2.extend_low_i32x4_s": [0xfd, 0xc7, 0x01],
  "i64x2.shl": [0xfd, 0xcb, 0x01],
  "i64x2.shr_s": [0xfd, 0xcc, 0x01],
  "i64x2.shr_u": [0xfd, 0xcd, 0x01],
  "i32x4.abs": [0xfd, 0xa0, 0x01],
  "i32x4.neg": [0xfd, 0xa1, 0x01],
  "f32x4.abs": [0xfd, 0xe0, 0x01],
  "f32x4.neg": [0xfd, 0xe1, 0x01],
  "f32x4.sqrt": [0xfd, 0xe3, 0x01],
  "f32x4.add": [0xfd, 0xe4, 0x01],
  "f32x4.sub": [0xfd, 0xe5, 0x01],
  "f32x4.mul": [0xfd, 0xe6, 0x01],
  "f32x4.div": [0xfd, 0xe7, 0x01],
  "f32x4.max": [0xfd, 0xe9, 0x01],
  "f32x4.pmin": [0xfd, 0xea, 0x01],
  "f32x4.pmax": [0xfd, 0xeb, 0x01],
  "f64x2.abs": [0xfd, 0xec, 0x01],
  "f64x2.neg": [0xfd, 0xed, 0x01],
  "f64x2.sqrt": [0xfd, 0xef, 0x01],
  "f64x2.add": [0xfd, 0xf0, 0x01],
  "f64x2.sub": [0xfd, 0xf1, 0x01],
  "f64x2.mul": [0xfd, 0xf2, 0x01],
  "f64x2.div": [0xfd, 0xf3, 0x01],
  "f64x2.max": [0xfd, 0xf5, 0x01],
  "f64x2.pmin": [0xfd, 0xf6, 0x01],
  "f64x2.pmax": [0xfd, 0xf7, 0x01],
  "i32x4.trunc_sat_f32x4_s": [0xfd, 0xf8, 0x01],
  "f32x4.convert_i32x4_s": [0xfd, 0xfa, 0x01],
  "i32x4.trunc_sat_f64x2_s_zero": [0xfd, 0xfc, 0x01],
  "f64x2.convert_low_i32x4_s": [0xfd, 0xfe, 0x01],
  "f32x4.relaxed_madd": [0xfd, 0x85, 0x02],
  "f64x2.relaxed_madd": [0xfd, 0x87, 0x02],
} as const;

/** Shuffles of the bytes of two vectors; they go by the name of what they are for. */
export const shuffles = {
  /** The halves of a vector, given twice, exchanged. */
  "halves.swap": [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7],
  /** The lower words of the 64-bit lanes of two vectors. */
  "words.low": [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27],
  /** The words of the lower halves of two vectors, in turn; and those of the upper ones. */
  "words.zip_low": [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23],
  "words.zip_high": [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31],
} as const;

/** Instructions that read or write memory. */
export const memory = {
  "i32.load": [0x28],
  "i32.load8_u": [0x2d],
  "i32.store": [0x36],
  "i32.store8": [0x3a],
  "f32.load": [0x2a],
  "f32.store": [0x38],
  "f64.load": [0x2b],
  "f64.store": [0x39],
  "v128.load": [0xfd, 0x00],
  "v128.load8_splat": [0xfd, 0x07],
  "v128.load16_splat": [0xfd, 0x08],
  "v128.load32_splat": [0xfd, 0x09],
  "v128.load64_splat": [0xfd, 0x0a],
  "v128.load32_zero": [0xfd, 0x5c],
  "v128.load64_zero": [0xfd, 0x5d],
  "v128.store": [0xfd, 0x0b],
} as const;

/** Instructions that name a lane. */
export const lanes = {
  "i32x4.extract_lane": [0xfd, 0x1b],
  "i32x4.replace_lane": [0xfd, 0x1c],
  "f32x4.extract_lane": [0xfd, 0x1f],
  "f64x2.extract_lane": [0xfd, 0x21],
  "f64x2.replace_lane": [0xfd, 0x22],
} as const;

/** Instructions that store one lane. */
export const storeLanes = {
  "v128.store8_lane": [0xfd, 0x58],
  "v128.store32_lane": [0xfd, 0x5a],
  "v128.store64_lane": [0xfd, 0x5b],
} as const;

/** An instruction that stores one lane. */
export type StoreLaneOp = keyof typeof storeLanes;
/** An instruction without immediate operands. */
export type PlainOp = keyof typeof plain | keyof typeof shuffles;
/** An instruction that reads or writes memory. */
export type MemoryOp = keyof typeof memory;
/** An instruction that names a lane. */
export type LaneOp = keyof typeof lanes;
