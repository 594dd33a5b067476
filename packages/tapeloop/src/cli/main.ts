#!/usr/bin/env node
/** @file The program `tapeloop`: finds the command, runs it, and turns failures into one line. */
// Makes the default backend the default.
import "../index.ts";
import { helpText } from "./help.ts";
import { givenOptions, parseOptions, wantsHelp } from "./options.ts";
import { sample, sampleCommand } from "./sample.ts";
import { closest } from "./spelling.ts";
import { train, trainCommand } from "./train.ts";
import { UsageError } from "./usage-error.ts";

const overview = `Usage: tapeloop <command> [options]

Commands:
  train   ${trainCommand.summary}
  sample  ${sampleCommand.summary}

tapeloop <command> --help shows the options of a command.`;

/** Runs the program; the result is its exit code. */
async function main([name, ...args]: readonly string[]): Promise<number> {
  const width = process.stdout.columns;
  switch (name) {
    case "train":
      if (wantsHelp(args)) break;
      return train(parseOptions(trainCommand, args), givenOptions(trainCommand, args));
    case "sample":
      if (wantsHelp(args)) break;
      return sample(parseOptions(sampleCommand, args));
    case undefined:
    case "help":
    case "-h":
    case "--help":
      console.log(overview);
      return name === undefined ? 2 : 0;
    default: {
      const near = closest(name, ["train", "sample"]);
      const hint = near === undefined ? "See tapeloop --help." : `Did you mean ${near}?`;
      throw new UsageError(`there is no command ${JSON.stringify(name)}. ${hint}`);
    }
  }
  console.log(name === "train" ? helpText(trainCommand, width) : helpText(sampleCommand, width));
  return 0;
}

const args = process.argv.slice(2);
try {
  process.exitCode = await main(args);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  const command = ["train", "sample"].includes(args[0] ?? "") ? ` ${args[0]}` : "";
  console.error(`tapeloop${command}: ${error.message}`);
  process.exitCode = 2;
}
