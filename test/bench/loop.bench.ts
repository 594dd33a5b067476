import { measure } from "./measure.ts";

const n = 4096;
const a = Float32Array.from({ length: n }, (_, i) => i / n);
const b = Float32Array.from({ length: n }, (_, i) => 1 - i / n);
const out = new Float32Array(n);

await measure("a·b, 4096 numbers", {
  "for loop": () => {
    for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) * (b[i] ?? 0);
    return out;
  },
  map: () => a.map((x, i) => x * (b[i] ?? 0)),
  "for loop again": () => {
    for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) * (b[i] ?? 0);
    return out;
  },
});
