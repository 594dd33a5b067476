/** @file The one error that is the user's to mend: wrong options, an unreadable text. */

/**
 * What was asked for cannot be done as asked. The message is one line and says what to change.
 *
 * The program prints `tapeloop <command>: <message>` on standard error, without a stack, and exits
 * with 2. Any other error is a fault of the program and keeps its stack.
 */
export class UsageError extends Error {
  /** The exit code of the program. */
  readonly exitCode = 2;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UsageError";
  }
}
