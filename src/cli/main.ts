#!/usr/bin/env node
import { program } from "./program.js";
import { exitCodeOf, messageOf } from "./exit.js";

try {
  await program().parseAsync();
} catch (error) {
  const message = messageOf(error);
  if (message !== undefined) process.stderr.write(`kubemq-es: ${message}\n`);
  process.exitCode = exitCodeOf(error);
}
