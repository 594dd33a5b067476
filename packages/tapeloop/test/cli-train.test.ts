import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "tapeloop-train-"));
afterAll(() => rmSync(folder, { recursive: true }));
const main = resolve(import.meta.dirname, "../src/cli/main.ts");

/** What a run of the program left behind. */
interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program from source, as `pnpm start` does, and waits for its end. */
function tapeloop(
  args: readonly string[],
  onOutput?: (all: string) => "interrupt" | undefined,
): Promise<Outcome> {
  const flags = ["--import", "@oxc-node/core/register", "--conditions=@tapeloop/source"];
  const child = spawn(process.execPath, [...flags, main, ...args], {
    cwd: resolve(import.meta.dirname, "../../.."),
    env: { ...process.env, NO_COLOR: "1" },
  });
  return new Promise((done) => {
    let [out, err] = ["", ""];
    let isInterrupted = false;
    child.stdout.on("data", (data) => (out += String(data)));
    child.stderr.on("data", (data) => {
      err += String(data);
      if (!isInterrupted && onOutput?.(err) === "interrupt") {
        isInterrupted = true;
        child.kill("SIGINT");
      }
    });
    child.on("close", (code) => done({ code, out, err }));
  });
}

/** A text that is easy to learn. */
const text = join(folder, "text.txt");
writeFileSync(text, "the cat sat on the mat. ".repeat(400));
const small = ["--text", text, "--hidden", "16", "--embedding", "8", "--batch", "4"].concat([
  "--length",
  "8",
  "--validation",
  "0.1",
  "--prompt",
  "the ",
]);
const at = (name: string): string => join(folder, name);

describe("tapeloop train", () => {
  test("learns: the validation loss falls far below what the character before tells", async () => {
    const file = at("learns.safetensors");
    const { code, out } = await tapeloop([
      "train",
      ...small,
      "--steps",
      "200",
      "--checkpoint",
      file,
    ]);
    expect(code).toBe(0);
    const [, learned, bigram] = /validation: ([\d.]+) bits .*; bigrams: ([\d.]+)/.exec(out) ?? [];
    expect(Number(bigram)).toBeGreaterThan(0.5);
    expect(Number(learned)).toBeLessThan(0.5 * Number(bigram));

    const written = await tapeloop([
      "sample",
      "--checkpoint",
      file,
      "--prompt",
      "the c",
      "--temperature",
      "0",
      "--length",
      "19",
    ]);
    expect(written).toMatchObject({ code: 0, out: "the cat sat on the mat. \n", err: "" });
  }, 60_000);

  for (const cell of ["lstm", "gru", "rnn"]) {
    test(`${cell}: 40 steps are 20 steps and 20 resumed, byte for byte`, async () => {
      const [whole, half] = [at(`${cell}-40.safetensors`), at(`${cell}-20.safetensors`)];
      const options = [...small, "--cell", cell, "--layers", "2", "--dropout", "0.2"];
      const often = ["--report-every", "20", "--text", text, "--prompt", "the "];
      const [a, b] = await Promise.all([
        tapeloop(["train", ...options, ...often, "--steps", "40", "--checkpoint", whole]),
        tapeloop(["train", ...options, ...often, "--steps", "20", "--checkpoint", half]),
      ]);
      expect([a.code, b.code]).toEqual([0, 0]);
      const resumed = await tapeloop([
        "train",
        "--resume",
        half,
        ...often,
        "--steps",
        "40",
        "--checkpoint",
        half,
      ]);
      expect(resumed).toMatchObject({ code: 0 });
      expect(readFileSync(half).equals(readFileSync(whole))).toBe(true);
    }, 60_000);
  }

  test("an earlier checkpoint of the same name is kept beside the new one", async () => {
    const file = at("twice.safetensors");
    await tapeloop(["train", ...small, "--steps", "2", "--checkpoint", file]);
    const first = readFileSync(file);
    const { out } = await tapeloop(
      ["train"].concat(small, ["--steps", "2", "--seed", "1", "--checkpoint", file]),
    );
    expect(out).toContain(`kept     an earlier ${file} as ${file}.earlier`);
    expect(readFileSync(`${file}.earlier`).equals(first)).toBe(true);
    expect(readFileSync(file).equals(first)).toBe(false);
  }, 30_000);

  test("Ctrl-C saves, says how to go on, and exits with 130", async () => {
    const file = at("interrupted.safetensors");
    const { code, out } = await tapeloop(
      ["train", ...small, "--steps", "100000", "--report-every", "10", "--checkpoint", file],
      (err) => (err.includes("step 20:") ? "interrupt" : undefined),
    );
    expect(code).toBe(130);
    const step = Number(/Stopped after step (\d+)\. Go on with: .*--resume/.exec(out)?.[1]);
    expect(step).toBeGreaterThanOrEqual(20);
    const resumed = await tapeloop(
      [
        "train",
        "--resume",
        file,
        "--text",
        text,
        "--steps",
        String(step + 5),
        "--prompt",
        "the ",
      ].concat(["--checkpoint", file]),
    );
    expect(resumed.out).toContain(`resumed  after step ${step}`);
    expect(resumed.code).toBe(0);
  }, 60_000);
});

describe("wrong use is one line on standard error and exit code 2", () => {
  const broken = at("broken.safetensors");
  writeFileSync(broken, "no checkpoint");
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["no command", [], /^$/],
    [
      "an unknown command",
      ["tran"],
      /^tapeloop: there is no command "tran"\. Did you mean train\?\n$/,
    ],
    [
      "an unknown option",
      ["train", "--step", "3"],
      /^tapeloop train: --step is not an option\. Did you mean --steps\?\n$/,
    ],
    [
      "a wrong number",
      ["train", "--steps", "0"],
      /^tapeloop train: --steps must be a whole number, at least 1, got "0"\.\n$/,
    ],
    [
      "a missing text",
      ["train", "--text", at("none.txt")],
      /^tapeloop train: ".*none\.txt" does not exist\.\n$/,
    ],
    ["a folder for a text", ["train", "--text", folder], /is a folder, not a text file\.\n$/],
    [
      "a damaged checkpoint",
      ["train", "--resume", broken],
      /^tapeloop train: .*broken\.safetensors.*\n$/,
    ],
    [
      "a missing checkpoint",
      ["sample", "--checkpoint", at("none")],
      /^tapeloop sample: .*none.*\n$/,
    ],
  ];
  for (const [name, args, message] of cases) {
    test(
      name,
      async () => {
        const { code, err } = await tapeloop(args);
        expect(code).toBe(2);
        expect(err).toMatch(message);
        expect(err.split("\n").length).toBeLessThanOrEqual(2);
      },
      20_000,
    );
  }

  test("a checkpoint that cannot be written, before anything is trained", async () => {
    const args = [
      "train",
      ...small,
      "--checkpoint",
      join(folder, "no", "such", "folder.safetensors"),
    ];
    const { code, err } = await tapeloop(args);
    expect(code).toBe(2);
    expect(err).toMatch(/^tapeloop train: .*folder\.safetensors.*\n$/);
    expect((await tapeloop(["train", "--text", text, "--checkpoint", text])).err).toMatch(
      /^tapeloop train: --checkpoint must not be the text itself/,
    );
    expect(readFileSync(text, "utf8")).toContain("the cat sat");
  }, 30_000);

  test("a text that is too short", async () => {
    const short = at("short.txt");
    writeFileSync(short, "too short");
    const { code, err } = await tapeloop(["train", "--text", short]);
    expect(code).toBe(2);
    expect(err).toMatch(
      /has 9 characters, but 32 streams of 16 characters .* need at least \d+\.\n$/,
    );
  }, 20_000);

  test("another text, or another option than the checkpoint's", async () => {
    const file = at("options.safetensors");
    await tapeloop(["train", ...small, "--steps", "2", "--checkpoint", file]);
    const other = await tapeloop(["train", "--resume", file, "--text", main, "--steps", "4"]);
    expect(other).toMatchObject({ code: 2, err: expect.stringContaining("another text") });
    const wider = await tapeloop(["train", "--resume", file, "--text", text, "--hidden", "32"]);
    expect(wider).toMatchObject({
      code: 2,
      err: expect.stringContaining("--hidden is 16 in the checkpoint"),
    });
  }, 30_000);

  test("--help shows the options and exits with 0", async () => {
    const { code, out } = await tapeloop(["train", "--help"]);
    expect(code).toBe(0);
    for (const option of ["--text", "--steps", "--cell", "--hidden", "--seed", "--resume"]) {
      expect(out).toContain(option);
    }
  }, 20_000);
});
