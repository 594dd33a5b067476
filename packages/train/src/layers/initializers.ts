/** @file First values of weights by their names in Keras. */
import {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  identityInit,
  type Initializer,
  lecunNormal,
  lecunUniform,
  normalInit,
  onesInit,
  orthogonal,
  truncatedNormalInit,
  uniformInit,
  zerosInit,
} from "@tapeloop/nn";
import { chosen } from "../names.ts";

/** Initializers by their names in Keras, in camel case. */
export type InitializerName =
  | "glorotNormal"
  | "glorotUniform"
  | "heNormal"
  | "heUniform"
  | "identity"
  | "lecunNormal"
  | "lecunUniform"
  | "ones"
  | "orthogonal"
  | "randomNormal"
  | "randomUniform"
  | "truncatedNormal"
  | "zeros";

const initializers: Readonly<Record<InitializerName, Initializer>> = {
  glorotNormal: glorotNormal,
  glorotUniform: glorotUniform,
  heNormal: heNormal,
  heUniform: heUniform,
  identity: identityInit(),
  lecunNormal: lecunNormal,
  lecunUniform: lecunUniform,
  ones: onesInit,
  orthogonal: orthogonal,
  randomNormal: normalInit(0.05),
  randomUniform: uniformInit(-0.05, 0.05),
  truncatedNormal: truncatedNormalInit(0.05),
  zeros: zerosInit,
};

/** An initializer's name, or one of `@tapeloop/nn`, or a function that returns known values. */
export type FirstValues = InitializerName | Initializer;

/** The initializer of a name. */
export function initializerOf(op: string, given: FirstValues): Initializer {
  return typeof given === "function" ? given : chosen(op, "an initializer", initializers, given);
}
