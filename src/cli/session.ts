import type { Command } from "commander";
import { KubeMQClient, optionsFromEnv, type ClientOptions, type TlsOptions } from "../index.js";
import { EXIT, Failure } from "./exit.js";
import { configPath, readServers, serverNamed } from "./servers.js";
import { createOutput, jsonOf, report, type Output, type OutputOptions } from "./terminal/output.js";
import { stopSignal } from "./terminal/stop.js";
import { terminalOf, type Terminal } from "./terminal/terminal.js";
import { integer } from "./values.js";

/** A connected client and the streams of a command. */
export interface Session {
  readonly client: KubeMQClient;
  readonly output: Output;
  readonly terminal: Terminal;
  /** Aborts when the command is to stop. */
  readonly signal: AbortSignal;
}

interface ConnectionOptions extends OutputOptions {
  readonly address?: string;
  readonly token?: string;
  readonly clientId?: string;
  readonly tls?: true;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsServerName?: string;
  readonly timeout?: number;
  readonly verbose?: true;
  readonly server?: string;
  readonly config?: string;
}

/**
 * Options beside the environment variables of `optionsFromEnv`, so that a shell can be set up once
 * for one server.
 */
export function connectionOptions(command: Command): Command {
  const connection = command
    .optionsGroup("Connection:")
    .option(
      "-a, --address <host:port>",
      "the server, or several separated by commas; https:// enables TLS (env: KUBEMQ_ADDRESS)",
    )
    .option("--token <token>", "the token that authenticates you (env: KUBEMQ_AUTH_TOKEN)")
    .option("--client-id <id>", "this client's name in the server's logs (env: KUBEMQ_CLIENT_ID)")
    .option("--tls", "use TLS with the system's authorities (env: KUBEMQ_TLS_ENABLED)")
    .option("--tls-ca <file>", "trust this authority; implies --tls (env: KUBEMQ_TLS_CA_FILE)")
    .option("--tls-cert <file>", "your certificate; implies --tls (env: KUBEMQ_TLS_CERT_FILE)")
    .option("--tls-key <file>", "your private key; implies --tls (env: KUBEMQ_TLS_KEY_FILE)")
    .option("--tls-server-name <name>", "the name in the server's certificate (env: KUBEMQ_TLS_SERVER_NAME)")
    .option(
      "--timeout <ms>",
      "how long an answer may take, in milliseconds (default: 10000, env: KUBEMQ_TIMEOUT)",
      integer(1, 2 ** 31 - 1),
    )
    .option("--server <name>", "a server of the configuration file: see `kubemq-es servers`")
    .option("--config <file>", "the configuration file (default: ~/.config/kubemq-es/config.json)");
  return outputOptions(connection).option("-v, --verbose", "report connection events on standard error");
}

export function outputOptions(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .option("--jsonl", "one JSON object per line, for programs")
    .option("--no-color", "no colours, as with NO_COLOR; a pipe never gets any");
}

/**
 * Connects, runs the command, and always closes. An unreachable server is an error at the start;
 * later the client reconnects.
 */
export async function withSession(command: Command, work: (session: Session) => Promise<void>): Promise<void> {
  const options = command.opts<ConnectionOptions>();
  const terminal = terminalOf(command);
  const signal = stopSignal(terminal);
  const client = await KubeMQClient.connect(clientOptions(command), { signal });
  try {
    void tellStatus(client, terminal, options.verbose === true);
    await work({ client, output: createOutput(terminal, options), terminal, signal });
  } finally {
    await client.close();
  }
}

/** The options of the client that the command line and the environment give. */
export function clientOptions(command: Command): ClientOptions {
  const options = command.opts<ConnectionOptions>();
  const { tlsCa: ca, tlsCert: cert, tlsKey: key, tlsServerName: serverName, address } = options;
  const env = baseOf(command, options);
  const settings: TlsOptions = {
    ...(typeof env.tls === "object" && env.tls),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { serverName }),
  };
  const tls = Object.keys(settings).length > 0 ? settings : (options.tls ?? env.tls);
  return {
    ...env,
    ...(address !== undefined && { address: address.includes(",") ? address.split(",") : address }),
    ...(options.timeout !== undefined && { timeoutMs: options.timeout }),
    ...(tls !== undefined && { tls }),
    ...(options.token !== undefined && { authToken: options.token }),
    ...(options.clientId !== undefined && { clientId: options.clientId }),
  };
}

/**
 * The options below those of the command line. A server of the configuration file replaces the
 * environment completely: the token of one server must not be sent to another one.
 */
function baseOf(command: Command, { server, config, address }: ConnectionOptions): ClientOptions {
  const terminal = terminalOf(command);
  if (server === undefined) return optionsFromEnv(terminal.env); // promise: server-token-apart
  if (address !== undefined) throw new Failure("--server and --address exclude each other", EXIT.usage);
  const file = configPath(terminal, config);
  return serverNamed(readServers(terminal, file), server, file);
}

/**
 * Always reports a lost connection, because the output stops; reports other statuses on request.
 */
async function tellStatus(client: KubeMQClient, terminal: Terminal, verbose: boolean): Promise<void> {
  const tell = (what: string) => report(terminal, what);
  for await (const status of client.status()) {
    if (status.type === "retry" && (verbose || status.attempt === 1)) tell(`${status.error.message}; retrying`);
    else if (status.type === "resumed") tell(`reconnected to ${status.channel} after ${Math.round(status.downMs)} ms`);
    else if (status.type === "state" && verbose) tell(`connection: ${status.state}`);
    else if (verbose) tell(`${status.type}: ${jsonOf(status)}`);
  }
}
