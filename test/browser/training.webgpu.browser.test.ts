/** @file Compiled training on WebGPU. */
import { testTraining } from "./training.ts";

testTraining("webgpu");
