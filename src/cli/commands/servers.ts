import type { Command } from "commander";
import type { ClientOptions } from "../../index.js";
import { configPath, readServers } from "../servers.js";
import { outputOptions } from "../session.js";
import { styled } from "../terminal/line.js";
import { createOutput, type OutputOptions } from "../terminal/output.js";
import type { Column } from "../terminal/table.js";
import { terminalOf } from "../terminal/terminal.js";

interface ServerRow {
  readonly name: string;
  readonly address: ClientOptions["address"];
  readonly clientId: string | undefined;
  /** Whether there is one: a token is not printed. */
  readonly token: boolean;
}

const COLUMNS: readonly Column<ServerRow>[] = [
  { title: "SERVER", cell: ({ name }) => styled("bold", name) },
  { title: "ADDRESS", cell: ({ address = "localhost:50000" }) => [address].flat().join(",") },
  { title: "CLIENT ID", cell: ({ clientId = "" }) => clientId },
  { title: "TOKEN", cell: ({ token }) => (token ? "yes" : "no") },
];

export function addServers(program: Command): void {
  outputOptions(
    program
      .command("servers")
      .summary("list the servers of the configuration file, which --server names")
      .option("--config <file>", "the configuration file (default: ~/.config/kubemq-es/config.json)")
      .addHelpText(
        "after",
        `
The file has the options of the client for each server; its paths are relative to it:
  {
    "servers": {
      "local": { "address": "localhost:50000" },
      "staging": {
        "address": "https://broker.example.com:50000",
        "authToken": "...",
        "tls": { "ca": "staging-ca.pem" }
      }
    }
  }

Examples:
  $ kubemq-es servers
  $ kubemq-es queues info --server staging`,
      ),
  ).action(async (options: OutputOptions & { readonly config?: string }, command: Command) => {
    const terminal = terminalOf(command);
    const servers = readServers(terminal, configPath(terminal, options.config));
    const rows = [...servers].map(([name, { address, clientId, authToken }]) => ({
      name,
      address,
      clientId,
      token: authToken !== undefined,
    }));
    await createOutput(terminal, options).table(COLUMNS, rows);
  });
}
