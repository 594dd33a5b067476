/** @file Functions as WebAssembly bytes: instructions of a stack machine, one after the other. */
import { type HostName, hostNames } from "./host-functions.ts";
import {
  type LaneOp,
  lanes,
  memory,
  type MemoryOp,
  plain,
  type PlainOp,
  type StoreLaneOp,
  shuffles,
  storeLanes,
  typeCodes,
  type ValueType,
} from "./instructions.ts";

/** An unsigned number in LEB128. */
export function unsigned(value: number): number[] {
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
export function counted(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

/** Bytes with their number in front. */
export function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

/** A vector of zeros, as bytes. */
const zeroBytes: readonly number[] = Array.from({ length: 16 }, () => 0);

/** The instructions of one function, in the order they run: a stack machine. */
export class Body {
  readonly #code: number[] = [];
  readonly #locals: ValueType[] = [];
  readonly #parameters: number;

  /** Whether sums of products may be rounded once. */
  readonly canFuse: boolean;

  /** @param parameters - How many there are: the first locals. */
  constructor(parameters: number, canFuse = false) {
    this.#parameters = parameters;
    this.canFuse = canFuse;
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
    for (const name of names) {
      if (name in shuffles) this.#emit(0xfd, 0x0d, ...shuffles[name as keyof typeof shuffles]);
      else this.#emit(...plain[name as keyof typeof plain]);
    }
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

  /** Loads a lane of 32 or 64 bits of the vector on the stack from the address below it. */
  loadLane(bits: 32 | 64, lane: number): this {
    return this.#emit(0xfd, bits === 32 ? 0x56 : 0x57, 0, 0, lane);
  }

  /** Stores a lane of the vector on the stack, `offset` bytes behind the address below it. */
  storeLane(name: StoreLaneOp, offset: number, lane: number): this {
    return this.#emit(...storeLanes[name], 0, ...unsigned(offset), lane);
  }

  /** Of the two vectors on the stack, as 32 bytes, those of the given numbers. */
  shuffle(bytes: readonly number[]): this {
    return this.#emit(0xfd, 0x0d, ...bytes);
  }

  /** Calls a function of the host with the numbers on the stack. */
  call(name: HostName): this {
    return this.#emit(0x10, ...unsigned(hostNames.indexOf(name)));
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

  /**
   * Ends a turn of a loop: vectors that `inner` made locals for, and others, are 0 from here on. They are never read
   * as that; but the engine sees that the next turn does not read what they were.
   */
  scoped(others: readonly number[], inner: () => void): this {
    const [nothing, first] = [this.local("v128"), this.#locals.length];
    inner();
    const made = this.#locals.flatMap((type, i) =>
      i >= first && type === "v128" ? [this.#parameters + i] : [],
    );
    for (const local of [...others, ...made]) this.get(nothing).set(local);
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

  /** Runs `inner` as many times as the local says, which may be 0, and leaves it as it is. */
  times(count: number, inner: () => void): this {
    const left = this.local("i32");
    return this.get(count).when(() => this.get(count).set(left).repeat(left, inner));
  }

  /** Sets a local to another one, if that is less. */
  atMost(local: number, other: number): this {
    return this.get(other)
      .get(local)
      .op("i32.lt_u")
      .when(() => this.get(other).set(local));
  }

  /**
   * Runs `inner` for blocks of what a local counts, which is at least 1, and counts it down to 0: for `most` at a
   * time, or for those that are left. `block` says how many they are.
   */
  repeatBlocks(count: number, most: number, block: number, inner: () => void): this {
    return this.i32(most)
      .set(block)
      .repeat(count, () => {
        this.atMost(block, count);
        inner();
        // The loop itself takes one.
        this.get(count).get(block).op("i32.sub").i32(1).op("i32.add").set(count);
      });
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
