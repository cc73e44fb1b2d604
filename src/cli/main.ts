#!/usr/bin/env node
import { program } from "./program.js";
import { exitCodeOf, isReaderGone, messageOf } from "./exit.js";

process.stdout.on("error", (error) => {
  if (!isReaderGone(error)) throw error;
});

try {
  await program().parseAsync();
} catch (error) {
  const message = messageOf(error);
  if (message !== undefined) process.stderr.write(`kubemq-es: ${message}\n`);
  process.exitCode = exitCodeOf(error);
}
