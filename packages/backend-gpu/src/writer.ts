/**
 * @file Writes kernels: the value at one place after the other, in the JavaScript that gpu.js takes. What
 * is needed twice is computed once, and what turns out not to be needed is left out.
 */
import { sizeOf, type Shape } from "@tapeloop/autograd/backend";
import { emitters } from "./emitters.ts";
import {
  constant,
  type Division,
  keyOf,
  type Place,
  rejoined,
  sumOf,
  variable,
  written,
} from "./places.ts";
import type { Leaf, Value } from "./value.ts";

/** A line of the kernel. */
interface Line {
  readonly text: string;
  /** The variables that it declares; the line is left out if nobody reads them. Undefined: it stays. */
  readonly declares?: readonly string[];
}

/** A kernel, and what it is to be given. */
export interface Written {
  /** The function. */
  readonly source: string;
  /** The arrays in the order of its first parameters. */
  readonly arrays: readonly Leaf[];
  /** What its last parameters are: numbers, and where arrays begin. */
  readonly numbers: readonly { readonly leaf: Leaf; readonly is: "number" | "offset" }[];
}

/**
 * Writes the kernel that computes a value at every place of its shape, in row-major order.
 *
 * @param steps - For all steps of a loop at once: how many there are. The result has them along a first axis.
 */
export function writeKernel(value: Value, steps: number | null = null): Written {
  const writer = new Writer();
  const i = variable("i");
  if (steps === null) return writer.end(writer.value(value, writer.split(i, value.shape)));
  const [step, ...at] = writer.split(i, [steps, ...value.shape]);
  writer.step = step;
  return writer.end(writer.value(value, at));
}

/** A kernel that is being written. */
export class Writer {
  readonly #lines: Line[] = [{ text: "const i = this.thread.x;", declares: ["i"] }];
  /** What is known, block by block: a value at a place by the variable that holds it. */
  readonly #known: Map<Value, Map<string, string>>[] = [new Map()];
  readonly #divisions: Division[] = [];
  readonly #arrays: Leaf[] = [];
  readonly #numbers: { leaf: Leaf; is: "number" | "offset" }[] = [];
  #count = 0;
  /** The step of the loop whose value is computed. */
  step: Place = constant(0);

  /** The value at a place, as a variable or a number. */
  value(value: Value, at: readonly Place[]): string {
    const key = at.map(keyOf).join();
    for (const block of this.#known) {
      const known = block.get(value)?.get(key);
      if (known !== undefined) return known;
    }
    const made =
      value.kind === "leaf"
        ? this.#read(value, at)
        : emitters[value.name](this, value as never, at);
    const block = this.#known[this.#known.length - 1];
    const ofValue = block.get(value) ?? new Map<string, string>();
    block.set(value, ofValue.set(key, made));
    return made;
  }

  /** The element of an array. */
  #read(leaf: Leaf, at: readonly Place[]): string {
    if (leaf.isNumber) return this.#number(leaf, "number");
    const known = this.#arrays.findIndex(({ source }) => source === leaf.source);
    if (known < 0) this.#arrays.push(leaf);
    const name = `t${known < 0 ? this.#arrays.length - 1 : known}`;
    const { offset } = leaf;
    const place = sumOf(
      [
        [this.step, leaf.step],
        ...at.map((each, axis) => [each, leaf.shape[axis] === 1 ? 0 : leaf.strides[axis]] as const),
      ],
      offset === "given" ? 0 : offset,
    );
    const start = offset === "given" ? `${this.#number(leaf, "offset")} + ` : "";
    return this.declare(`${name}[${start}${this.place(place)}]`);
  }

  /** A number that the kernel is given. */
  #number(leaf: Leaf, is: "number" | "offset"): string {
    const known = this.#numbers.findIndex((each) => each.leaf === leaf && each.is === is);
    if (known < 0) this.#numbers.push({ leaf, is });
    return `s${known < 0 ? this.#numbers.length - 1 : known}`;
  }

  /** A place as source. */
  place(place: Place): string {
    return written(rejoined(place, this.#divisions));
  }

  /** A new variable with the value of an expression. */
  declare(expression: string): string {
    const name = this.#name("v");
    this.#lines.push({ text: `const ${name} = ${expression};`, declares: [name] });
    return name;
  }

  /** A new variable that will be changed. */
  variable(first: string): string {
    const name = this.#name("v");
    this.#lines.push({ text: `let ${name} = ${first};` });
    return name;
  }

  #name(letter: string): string {
    return `${letter}${this.#count++}`;
  }

  /** A line as it is. */
  line(text: string): void {
    this.#lines.push({ text });
  }

  /** Lines in a block of their own. */
  block(head: string, inside: () => void): void {
    this.line(`${head} {`);
    this.#known.push(new Map());
    const divisions = this.#divisions.length;
    inside();
    this.#divisions.length = divisions;
    this.#known.pop();
    this.line("}");
  }

  /** A loop over every index of a shape. */
  loops(shape: Shape, inside: (at: readonly Place[]) => void): void {
    const open = (axis: number, at: readonly Place[]): void => {
      if (axis === shape.length) inside(at);
      else if (shape[axis] === 1) open(axis + 1, [...at, constant(0)]);
      else {
        const k = this.#name("k");
        this.block(`for (let ${k} = 0; ${k} < ${shape[axis]}; ${k}++)`, () =>
          open(axis + 1, [...at, variable(k)]),
        );
      }
    };
    open(0, []);
  }

  /** The index in a shape of the element at a place in row-major order. */
  split(place: Place, shape: Shape): readonly Place[] {
    const real = shape.flatMap((size, axis) => (size === 1 ? [] : [axis]));
    const at = shape.map(() => constant(0));
    if (real.length === 0) return at;
    const parts: [string, number][] = [];
    let rest = place;
    real.forEach((axis, i) => {
      const size = sizeOf(shape.slice(axis + 1));
      if (i === real.length - 1) at[axis] = rest;
      else {
        const [quotient, remainder] = this.divided(rest, size);
        at[axis] = quotient;
        rest = remainder;
        const [name] = quotient.terms.keys();
        if (quotient.terms.size > 0) parts.push([name, size]);
      }
    });
    const [last] = rest.terms.keys();
    if (parts.length > 0 && parts.length === real.length - 1 && rest.terms.size === 1) {
      this.#divisions.push({ whole: place, parts: [...parts, [last, 1]] });
    }
    return at;
  }

  /** Quotient and remainder. */
  divided(place: Place, by: number): readonly [quotient: Place, remainder: Place] {
    if (by === 1) return [place, constant(0)];
    if (place.terms.size === 0) {
      return [constant(Math.floor(place.constant / by)), constant(place.constant % by)];
    }
    const [q, r, e] = [this.#name("q"), this.#name("r"), this.place(place)];
    // floor() of a rounded quotient may be off by one.
    const text = [
      `let ${q} = Math.floor((${e}) / ${by});`,
      `let ${r} = (${e}) - ${q} * ${by};`,
      `if (${r} < 0) { ${q} = ${q} - 1; ${r} = ${r} + ${by}; }`,
      `if (${r} >= ${by}) { ${q} = ${q} + 1; ${r} = ${r} - ${by}; }`,
    ].join("\n");
    this.#lines.push({ text, declares: [q, r] });
    return [variable(q), variable(r)];
  }

  /** The kernel, with the value that it returns. */
  end(result: string): Written {
    // From the back: only what is read further down stays.
    const read = new Set(names(result));
    const kept: string[] = [];
    for (const { text, declares } of this.#lines.toReversed()) {
      if (declares !== undefined && !declares.some((name) => read.has(name))) continue;
      kept.push(text);
      for (const name of names(text)) read.add(name);
    }
    const parameters = [
      ...this.#arrays.map((_, i) => `t${i}`),
      ...this.#numbers.map((_, i) => `s${i}`),
    ];
    const source = `function (${parameters.join(", ")}) {\n${kept.toReversed().join("\n")}\nreturn ${result};\n}`;
    return { source, arrays: this.#arrays, numbers: this.#numbers };
  }
}

/** The variables in a line. */
function names(text: string): string[] {
  return text.match(/\b(?:i|[kqrv]\d+)\b/g) ?? [];
}
