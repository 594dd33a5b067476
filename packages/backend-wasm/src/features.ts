/** @file What the engine offers: asked by having it look at a small module. */
import type { Body } from "./emitter.ts";
import { moduleOf } from "./module.ts";

/** Whether the engine takes a function with these instructions, and lets modules be made at all. */
function takes(write: (body: Body) => void): boolean {
  try {
    const bytes = moduleOf([{ parameters: ["i32"], write }]);
    if (!WebAssembly.validate(bytes)) return false;
    // A content security policy stops this, and not the check.
    return new WebAssembly.Module(bytes) instanceof WebAssembly.Module;
  } catch {
    return false;
  }
}

/** Whether there are vectors of 128 bits. */
export function hasSimd(): boolean {
  return takes((body) => {
    body.get(0).get(0).at("v128.load").op("f32x4.abs").at("v128.store");
  });
}

/** Whether a product and a sum may be rounded once together. */
export function canFuse(): boolean {
  return takes((body) => {
    const x = body.local("v128");
    body.get(0).get(x).get(x).get(x).op("f32x4.relaxed_madd").at("v128.store");
  });
}
