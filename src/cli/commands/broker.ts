import type { Command } from "commander";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Option } from "commander";
import type { ProfileName } from "../../broker/index.js";
import { profiles, startBroker } from "../../broker/index.js";
import { Failure } from "../exit.js";
import { stopSignal } from "../terminal/stop.js";
import { terminalOf, type Terminal } from "../terminal/terminal.js";
import { integer } from "../values.js";

interface BrokerFlags {
  readonly port: number;
  readonly host: string;
  readonly token?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly profile: ProfileName;
  readonly ui?: true;
  readonly uiPort?: number;
  readonly verbose?: true;
}

/** The port of the page. */
const UI_PORT = 50_080;

export function addBroker(program: Command): void {
  program
    .command("broker")
    .summary("run a broker for development and tests")
    .description(
      "Runs the embedded broker in the foreground until Ctrl-C or SIGTERM. It speaks the protocol of KubeMQ " +
        "servers, keeps everything in memory, and is meant for development and tests.",
    )
    .option("-p, --port <port>", "the port to listen on; 0 for a free one", integer(0, 65_535), 50_000)
    .option("--host <address>", "the address to listen on; 0.0.0.0 for all interfaces", "127.0.0.1")
    .option("--token <token>", "refuse calls without this token")
    .option("--tls-cert <file>", "serve TLS with this certificate")
    .option("--tls-key <file>", "and its private key")
    .option("--tls-ca <file>", "require client certificates of this authority")
    .addOption(
      new Option(
        "--profile <name>",
        "imitate this server: community has the defects of the open-source server, newest is read in documents",
      )
        .choices(Object.keys(profiles))
        .default("default"),
    )
    .option("--ui", "serve a page on 127.0.0.1 with channels, messages, a form to send, and faults")
    .option(
      "--ui-port <port>",
      `the port of the page; 0 for a free one (default with --ui: ${UI_PORT})`,
      integer(0, 65_535),
    )
    .option("-v, --verbose", "print every call to standard error")
    .addHelpText(
      "after",
      `
Examples:
  $ kubemq-es broker
  listening on 127.0.0.1:50000
  $ kubemq-es broker --ui
  $ kubemq-es broker --port 0 --token secret --verbose
  $ kubemq-es broker --profile community
  $ kubemq-es broker --tls-cert server.pem --tls-key server.key --tls-ca ca.pem`,
    )
    .action((flags: BrokerFlags, command: Command) => runBroker(flags, terminalOf(command)));
}

async function runBroker(flags: BrokerFlags, terminal: Terminal): Promise<void> {
  const signal = stopSignal(terminal);
  const [cert, key, ca] = await Promise.all([flags.tlsCert, flags.tlsKey, flags.tlsCa].map(read));
  const broker = await startBroker({
    port: flags.port,
    host: flags.host,
    profile: flags.profile,
    ...((flags.ui ?? flags.uiPort !== undefined) && { ui: { port: flags.uiPort ?? UI_PORT } }),
    ...(flags.token !== undefined && { token: flags.token }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(ca && { ca }),
    ...(flags.verbose && { onCall: (rpc: string) => terminal.stderr.write(`${new Date().toISOString()} ${rpc}\n`) }),
  }).catch((error: unknown) => {
    if (!isTaken(error)) throw error;
    throw new Failure(
      `${error.message}: another process listens there, choose another ${error.port === flags.port ? "--port" : "--ui-port"}`,
    );
  });
  try {
    terminal.stdout.write(`listening on ${broker.address}\n`);
    if (broker.uiUrl !== undefined) terminal.stdout.write(`page at ${broker.uiUrl}\n`);
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    await broker.close();
  }
}

const read = async (file: string | undefined) => (file === undefined ? undefined : readFile(file));

function isTaken(error: unknown): error is Error & { readonly port?: number } {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}
