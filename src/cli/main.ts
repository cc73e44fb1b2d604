#!/usr/bin/env node
import { execute } from "./execute.js";
import { processTerminal } from "./terminal/terminal.js";

process.exitCode = await execute(process.argv.slice(2), processTerminal);
