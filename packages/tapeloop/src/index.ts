/**
 * Custom recurrent models in TypeScript: everything a program needs from one import. Importing it makes
 * the reference backend the default one.
 *
 * @packageDocumentation
 */
import { setDefaultBackend } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";

export * from "@tapeloop/autograd";
export * from "@tapeloop/nn";
export * from "@tapeloop/optim";
export { fromNdarray, ndarrayBackend, toNdarray } from "@tapeloop/backend-ndarray";

setDefaultBackend(ndarrayBackend);
