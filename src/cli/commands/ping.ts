import type { Command } from "commander";
import { connectionOptions, withSession } from "../session.js";

export function addPing(program: Command): void {
  connectionOptions(
    program
      .command("ping")
      .summary("print the server's identity")
      .addHelpText(
        "after",
        "\nExamples:\n  $ kubemq-es ping\n  $ kubemq-es ping --address broker.example.com:50000 --tls --jsonl",
      ),
  ).action(async (_flags: object, command: Command) =>
    withSession(command, async ({ client, output, signal }) => {
      const from = performance.now();
      const server = await client.ping({ signal });
      const tookMs = Number((performance.now() - from).toFixed(2));
      await output.print(
        `${server.host} version ${server.version}, up for ${server.uptimeSeconds} s, answered in ${tookMs} ms`,
        { ...server, tookMs },
      );
    }),
  );
}
