/** @file WebAssembly modules as bytes: functions, what they import, and the sections around them. */
import { Body, counted, sized, unsigned } from "./emitter.ts";
import { hostFunctions, hostNames } from "./host-functions.ts";
import { typeCodes, type ValueType } from "./instructions.ts";

/** A name in UTF-8. */
function named(text: string): number[] {
  return sized(Array.from(text, (letter) => letter.charCodeAt(0)));
}

/** A function of a module. */
export interface FunctionSource {
  /** Its parameters. There are no results: kernels write to memory. */
  readonly parameters: readonly ValueType[];
  /** Writes its instructions; parameters are the locals from 0. */
  readonly write: (body: Body) => void;
}

/** Parameters that are addresses, bytes or counts: their types, and the place of each by its name. */
export function namedParameters<N extends string>(
  names: readonly N[],
): { readonly parameters: readonly ValueType[]; readonly place: Readonly<Record<N, number>> } {
  const place = Object.fromEntries(names.map((name, i) => [name, i])) as Record<N, number>;
  return { parameters: names.map(() => "i32"), place };
}

/** A section of a module. */
function section(id: number, bytes: readonly number[]): number[] {
  return [id, ...sized(bytes)];
}

/** The most pages of a memory: what 32-bit addresses reach. */
export const mostPages = 65_536;

/**
 * A module of the given functions, exported as "0", "1", …, that imports its memory and the functions of the
 * host from `env`.
 *
 * @param isShared - Whether the memory is one that threads share.
 * @param canFuse - Whether sums of products may be rounded once.
 */
export function moduleOf(
  functions: readonly FunctionSource[],
  isShared = false,
  canFuse = false,
): Uint8Array<ArrayBuffer> {
  const limits = isShared ? [0x03, 0, ...unsigned(mostPages)] : [0x00, 0];
  const hostTypes = hostNames.map((name) => [
    0x60,
    ...counted(Array.from({ length: hostFunctions[name].length }, () => [typeCodes.f64])),
    ...counted([[typeCodes.f64]]),
  ]);
  const types = functions.map(({ parameters }) => [
    0x60,
    ...counted(parameters.map((type) => [typeCodes[type]])),
    0,
  ]);
  const imports = [
    ...hostNames.map((name, i) => [...named("env"), ...named(name), 0x00, ...unsigned(i)]),
    [...named("env"), ...named("memory"), 0x02, ...limits],
  ];
  const first = hostNames.length;
  const exports = functions.map((_, i) => [...named(String(i)), 0x00, ...unsigned(first + i)]);
  const bodies = functions.map(({ parameters, write }) => {
    const body = new Body(parameters.length, canFuse);
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
    ...section(1, counted([...hostTypes, ...types])),
    ...section(2, counted(imports)),
    ...section(3, counted(functions.map((_, i) => unsigned(first + i)))),
    ...section(7, counted(exports)),
    ...section(10, counted(bodies)),
  ]);
}
