/**
 * The reference backend of Tapeloop: every primitive on `ndarray` and `ndarray-ops`.
 *
 * @packageDocumentation
 */
export type { NdArray } from "./array.ts";
export { ndarrayBackend } from "./backend.ts";
export { fromNdarray, toNdarray } from "./convert.ts";
