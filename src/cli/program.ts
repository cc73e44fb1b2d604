import type { Command } from "commander";
import { readFileSync } from "node:fs";
import { addBroker } from "./commands/broker.js";
import { addChannels } from "./commands/channels.js";
import { addCommands } from "./commands/commands.js";
import { addEvents } from "./commands/events.js";
import { EXIT_CODES_HELP } from "./exit.js";
import { addServers } from "./commands/servers.js";
import { addCompletion } from "./completion/completion.js";
import { addDoctor } from "./doctor/doctor.js";
import { addPing } from "./commands/ping.js";
import { addQueries } from "./commands/queries.js";
import { addQueues } from "./queues/queues.js";
import { addTop } from "./queues/watch.js";
import { addEventsStore } from "./commands/events-store.js";
import { RootCommand, type Terminal } from "./terminal/terminal.js";

/** The whole command line. */
export function program(terminal: Terminal): Command {
  const root = new RootCommand("kubemq-es", terminal)
    .description("Talks to a KubeMQ server from the shell, and runs an embedded one.")
    .version(version())
    .exitOverride()
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .showHelpAfterError("(see --help)")
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      `
Examples, in two terminals:
  $ kubemq-es broker                                a server to try things on
  $ kubemq-es events subscribe 'orders.*'           prints what comes
  $ kubemq-es events publish orders.eu 'one book'   sends something

  $ kubemq-es queues consume jobs --jsonl | jq .body
  $ seq 1000 | kubemq-es queues send jobs --lines
  $ KUBEMQ_ADDRESS=https://broker.example.com:50000 KUBEMQ_AUTH_TOKEN=$TOKEN kubemq-es ping

Environment: KUBEMQ_ADDRESS, KUBEMQ_AUTH_TOKEN, KUBEMQ_CLIENT_ID, KUBEMQ_TLS_ENABLED, KUBEMQ_TLS_CA_FILE, KUBEMQ_TLS_CERT_FILE,
KUBEMQ_TLS_KEY_FILE, KUBEMQ_TLS_SERVER_NAME and KUBEMQ_TIMEOUT stand for the options of the same names.
${EXIT_CODES_HELP}`,
    );
  addBroker(root);
  addPing(root);
  addDoctor(root);
  addServers(root);
  addTop(root);
  addEvents(root);
  addEventsStore(root);
  addCommands(root);
  addQueries(root);
  addQueues(root);
  addChannels(root);
  addCompletion(root);
  return root;
}

function version(): string {
  // From dist/src/cli/ and, when it runs from the sources, from src/cli/.
  for (const up of ["../../../package.json", "../../package.json"]) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8")) as Record<
        string,
        string
      >;
      if (name === "kubemq-es" && version !== undefined) return version;
    } catch {
      // The next place.
    }
  }
  return "unknown";
}
