/** @file Compiled training on WebGL 2. */
import { testTraining } from "./training.ts";

testTraining("webgl2");
