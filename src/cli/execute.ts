import { EXIT, exitCodeOf, isReaderGone, messageOf } from "./exit.js";
import { program } from "./program.js";
import { report } from "./terminal/output.js";
import type { Terminal } from "./terminal/terminal.js";

/** Runs one command line to its end, and resolves with the exit code. */
export async function execute(args: readonly string[], terminal: Terminal): Promise<number> {
  let unwritable: unknown;
  terminal.stdout.on("error", (error) => {
    if (!isReaderGone(error)) unwritable ??= error;
  });
  try {
    await program(terminal).parseAsync(args, { from: "user" });
    if (unwritable === undefined) return EXIT.ok;
    throw unwritable;
  } catch (thrown) {
    const error = unwritable ?? thrown; // later writes fail for another reason: the stream is destroyed
    const message = messageOf(error);
    if (message !== undefined) report(terminal, message);
    return exitCodeOf(error);
  }
}
