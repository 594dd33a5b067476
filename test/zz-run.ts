import { setDefaultBackend } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { checkProperty, properties, runsOf } from "./conformance/properties.ts";
import { rows } from "./conformance/samples.ts";
setDefaultBackend(ndarrayBackend);
const t = new Map<string, number>();
for (const name of Object.keys(rows) as (keyof typeof rows)[])
  for (const p of properties) {
    const t0 = performance.now();
    for (const run of runsOf(ndarrayBackend, name).filter(p.of)) {
      try {
        checkProperty(p, run);
      } catch (e) {
        console.log(
          (e as Error).message,
          ((e as any).cause?.stack ?? "").split("\n").slice(1, 6).join("\n"),
        );
        break;
      }
    }
    t.set(p.title, (t.get(p.title) ?? 0) + performance.now() - t0);
  }
for (const [k, v] of t) console.log(v.toFixed(0), k);
