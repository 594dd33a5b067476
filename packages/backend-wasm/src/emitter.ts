/**
 * @file WebAssembly modules as bytes: the instructions that kernels are made of, by their names in the
 * specification, and the sections around them. Each module imports one memory.
 */

/** The types of parameters and locals. */
export type ValueType = "i32" | "f32" | "f64" | "v128";

const typeCodes: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** Instructions without immediate operands. Those of two bytes and more are SIMD, behind 0xfd. */
const plain = {
  "i32.add": [0x6a],
  "i32.sub": [0x6b],
  "i32.mul": [0x6c],
  "i32.ne": [0x47],
  "i32.lt_u": [0x49],
  "f32.add": [0x92],
  "f32.mul": [0x94],
  "f32.max": [0x97],
  "f64.add": [0xa0],
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
  "v128.not": [0xfd, 0x4d],
  "v128.and": [0xfd, 0x4e],
  "v128.andnot": [0xfd, 0x4f],
  "v128.or": [0xfd, 0x50],
  "v128.xor": [0xfd, 0x51],
  "v128.bitselect": [0xfd, 0x52],
  "f64x2.promote_low_f32x4": [0xfd, 0x5f],
  "i8x16.narrow_i16x8_u": [0xfd, 0x66],
  "f32x4.floor": [0xfd, 0x68],
  "f32x4.nearest": [0xfd, 0x6a],
  "i16x8.narrow_i32x4_s": [0xfd, 0x85, 0x01],
  "i16x8.extend_low_i8x16_u": [0xfd, 0x89, 0x01],
  "i32x4.extend_low_i16x8_u": [0xfd, 0xa9, 0x01],
  "i32x4.shl": [0xfd, 0xab, 0x01],
  "i32x4.shr_s": [0xfd, 0xac, 0x01],
  "i32x4.shr_u": [0xfd, 0xad, 0x01],
  "i32x4.add": [0xfd, 0xae, 0x01],
  "i32x4.sub": [0xfd, 0xb1, 0x01],
  "i32x4.mul": [0xfd, 0xb5, 0x01],
  "i32x4.max_s": [0xfd, 0xb8, 0x01],
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
  "f64x2.add": [0xfd, 0xf0, 0x01],
  "f64x2.mul": [0xfd, 0xf2, 0x01],
  "i32x4.trunc_sat_f32x4_s": [0xfd, 0xf8, 0x01],
  "f32x4.convert_i32x4_s": [0xfd, 0xfa, 0x01],
  "f32x4.relaxed_madd": [0xfd, 0x85, 0x02],
  "f64x2.relaxed_madd": [0xfd, 0x87, 0x02],
} as const;

/** Instructions that read or write memory. */
const memory = {
  "f32.load": [0x2a],
  "f32.store": [0x38],
  "f64.load": [0x2b],
  "f64.store": [0x39],
  "v128.load": [0xfd, 0x00],
  "v128.load8_splat": [0xfd, 0x07],
  "v128.load32_splat": [0xfd, 0x09],
  "v128.load64_splat": [0xfd, 0x0a],
  "v128.load32_zero": [0xfd, 0x5c],
  "v128.load64_zero": [0xfd, 0x5d],
  "v128.store": [0xfd, 0x0b],
} as const;

/** Instructions that name a lane. */
const lanes = {
  "i32x4.extract_lane": [0xfd, 0x1b],
  "f32x4.extract_lane": [0xfd, 0x1f],
  "f64x2.extract_lane": [0xfd, 0x21],
} as const;

/** Instructions that store one lane. */
const storeLanes = {
  "v128.store8_lane": [0xfd, 0x58],
  "v128.store32_lane": [0xfd, 0x5a],
  "v128.store64_lane": [0xfd, 0x5b],
} as const;

/** An instruction that stores one lane. */
export type StoreLaneOp = keyof typeof storeLanes;
/** An instruction without immediate operands. */
export type PlainOp = keyof typeof plain;
/** An instruction that reads or writes memory. */
export type MemoryOp = keyof typeof memory;
/** An instruction that names a lane. */
export type LaneOp = keyof typeof lanes;

/** An unsigned number in LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...bytes, rest];
}

/** A signed number of 32 bits in LEB128. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

/** A list with its length in front. */
function counted(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

/** Bytes with their number in front. */
function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

/** A name in UTF-8. */
function named(text: string): number[] {
  return sized(Array.from(text, (letter) => letter.charCodeAt(0)));
}

/** A vector of zeros, as bytes. */
const zeroBytes: readonly number[] = Array.from({ length: 16 }, () => 0);

/** The instructions of one function, in the order they run: a stack machine. */
export class Body {
  readonly #code: number[] = [];
  readonly #locals: ValueType[] = [];
  readonly #parameters: number;

  /** @param parameters - How many there are: the first locals. */
  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  /** A new local. */
  local(type: ValueType): number {
    return this.#parameters + this.#locals.push(type) - 1;
  }

  /** Puts a local on the stack. */
  get(local: number): this {
    return this.#emit(0x20, ...unsigned(local));
  }

  /** Takes a local off the stack. */
  set(local: number): this {
    return this.#emit(0x21, ...unsigned(local));
  }

  /** Puts a whole number on the stack. */
  i32(value: number): this {
    return this.#emit(0x41, ...signed(value));
  }

  /** Puts a number on the stack. */
  f32(value: number): this {
    return this.#emit(0x43, ...new Uint8Array(Float32Array.of(value).buffer));
  }

  /** Puts a number on the stack. */
  f64(value: number): this {
    return this.#emit(0x44, ...new Uint8Array(Float64Array.of(value).buffer));
  }

  /** Instructions without immediate operands. */
  op(...names: readonly PlainOp[]): this {
    for (const name of names) this.#emit(...plain[name]);
    return this;
  }

  /** An instruction that reads or writes memory, `offset` bytes behind the address on the stack. */
  at(name: MemoryOp, offset = 0): this {
    // Alignment 1: any address is right, and on today's machines as fast.
    return this.#emit(...memory[name], 0, ...unsigned(offset));
  }

  /** An instruction that names a lane. */
  lane(name: LaneOp, lane: number): this {
    return this.#emit(...lanes[name], lane);
  }

  /** Loads a lane of the vector on the stack from the address below it. */
  loadLane32(lane: number): this {
    return this.#emit(0xfd, 0x56, 0, 0, lane);
  }

  /** Stores a lane of the vector on the stack, `offset` bytes behind the address below it. */
  storeLane(name: StoreLaneOp, offset: number, lane: number): this {
    return this.#emit(...storeLanes[name], 0, ...unsigned(offset), lane);
  }

  /** Of the two vectors on the stack, as 32 bytes, those of the given numbers. */
  shuffle(bytes: readonly number[]): this {
    return this.#emit(0xfd, 0x0d, ...bytes);
  }

  /** Swaps the halves of the vector on the stack. */
  swapHalves(): this {
    const copy = this.local("v128");
    this.set(copy).get(copy).get(copy);
    return this.shuffle([8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]);
  }

  /** Adds a whole number to a local. */
  advance(local: number, by: number): this {
    return this.get(local).i32(by).op("i32.add").set(local);
  }

  /** Adds a local to a local. */
  add(local: number, by: number): this {
    return this.get(local).get(by).op("i32.add").set(local);
  }

  /** Sets vectors to 0. */
  zero(locals: readonly number[]): this {
    for (const local of locals) this.#emit(0xfd, 0x0c, ...zeroBytes).set(local);
    return this;
  }

  /** Runs `inner` once, and again as long as `pointer` is below `end`. */
  loopUntil(pointer: number, end: number, inner: () => void): this {
    this.#emit(0x03, 0x40);
    inner();
    this.get(pointer).get(end).op("i32.lt_u");
    return this.#emit(0x0d, 0, 0x0b);
  }

  /** Runs `inner` as many times as the local says, which is at least once, and counts it down to 0. */
  repeat(count: number, inner: () => void): this {
    this.#emit(0x03, 0x40);
    inner();
    this.advance(count, -1).get(count);
    return this.#emit(0x0d, 0, 0x0b);
  }

  /** Runs `inner` if the condition on the stack is not 0. */
  when(inner: () => void): this {
    this.#emit(0x04, 0x40);
    inner();
    return this.#emit(0x0b);
  }

  /** The function as the code section has it. */
  bytes(): number[] {
    const locals = this.#locals.map((type) => [1, typeCodes[type]]);
    return sized([...counted(locals), ...this.#code, 0x0b]);
  }

  #emit(...bytes: readonly number[]): this {
    for (const byte of bytes) this.#code.push(byte);
    return this;
  }
}

/** A function of a module. */
export interface FunctionSource {
  /** Its parameters. There are no results: kernels write to memory. */
  readonly parameters: readonly ValueType[];
  /** Writes its instructions; parameters are the locals from 0. */
  readonly write: (body: Body) => void;
}

/** A section of a module. */
function section(id: number, bytes: readonly number[]): number[] {
  return [id, ...sized(bytes)];
}

/** The most pages of a memory: what 32-bit addresses reach. */
export const mostPages = 65_536;

/**
 * A module of the given functions, exported as "0", "1", …, that imports its memory as `env.memory`.
 *
 * @param isShared - Whether the memory is one that threads share.
 */
export function moduleOf(
  functions: readonly FunctionSource[],
  isShared = false,
): Uint8Array<ArrayBuffer> {
  const limits = isShared ? [0x03, 0, ...unsigned(mostPages)] : [0x00, 0];
  const types = functions.map(({ parameters }) => [
    0x60,
    ...counted(parameters.map((type) => [typeCodes[type]])),
    0,
  ]);
  const bodies = functions.map(({ parameters, write }) => {
    const body = new Body(parameters.length);
    write(body);
    return body.bytes();
  });
  return Uint8Array.from([
    // "\0asm", version 1
    0x00,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, counted(types)),
    ...section(2, counted([[...named("env"), ...named("memory"), 0x02, ...limits]])),
    ...section(3, counted(functions.map((_, i) => unsigned(i)))),
    ...section(7, counted(functions.map((_, i) => [...named(String(i)), 0x00, ...unsigned(i)]))),
    ...section(10, counted(bodies)),
  ]);
}
