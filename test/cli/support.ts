import { afterAll, beforeAll } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { startBroker, type Broker } from "kubemq-es/testing";
import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";
import { execute } from "../../src/cli/execute.js";

// The commands read the environment of this process.
for (const name of Object.keys(process.env)) {
  if (/^KUBEMQ_(?!ES_)/.test(name)) delete process.env[name];
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs: in this process, or as one of its own. */
export interface Running {
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: Readable;
  readonly stderr: Readable;
  once(event: "close", listener: (code: number | null) => void): unknown;
}

/** The size of a terminal, and the environment of a command on it. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Server {
  readonly broker: Broker;
  readonly client: KubeMQClient;
  /** The options of commands for this broker. */
  readonly at: readonly string[];
}

/** A broker and a client of it for the tests of a file, which `use` receives before the first one. */
export function withServer(use: (server: Server) => void): void {
  let server: Server;
  beforeAll(async () => {
    const broker = await startBroker({ port: 0 });
    const client = new KubeMQClient({ address: broker.address });
    server = { broker, client, at: ["--address", broker.address] };
    use(server);
  });
  afterAll(async () => {
    await server.client.close();
    await server.broker.close();
  });
}

/** Runs a command in this process, on streams of its own. */
export function start(...args: string[]): Running & { interrupt(): void } {
  return startOn(undefined, args);
}

/** Runs a command in this process, whose output is a terminal if there is a screen. */
export function startOn(
  screen: Screen | undefined,
  args: readonly string[],
  env: Readonly<Record<string, string>> = screen?.env ?? {},
): Running & { interrupt(): void } {
  const output = () => {
    const stream = new PassThrough();
    return screen === undefined ? stream : Object.assign(stream, { isTTY: true, ...screen });
  };
  const [stdin, stdout, stderr] = [new PassThrough(), output(), output()];
  const stops: (() => void)[] = [];
  const closed = execute(args, {
    stdin,
    stdout,
    stderr,
    env,
    onStop: (stop) => stops.push(stop),
    exit: (code) => {
      throw new Error(`the command exits at once with code ${code}`);
    },
  }).finally(() => {
    stdout.end();
    stderr.end();
  });
  return {
    stdin,
    stdout,
    stderr,
    once: (_event, listener) => void closed.then(listener),
    interrupt: () => stops.forEach((stop) => stop()),
  };
}

/** Collects the output of a command until it ends. */
export async function ended(command: Running): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  command.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  command.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const outputs = [command.stdout, command.stderr].map((stream) => once(stream, "close"));
  const code = await new Promise<number | null>((resolve) => {
    command.once("close", resolve);
  });
  await Promise.all(outputs);
  return { code, stdout, stderr };
}

/** Runs a command to its end with the given standard input. */
export async function run(args: readonly string[], stdin: string | Uint8Array = "", screen?: Screen): Promise<Ended> {
  const command = startOn(screen, args);
  command.stdin.end(stdin);
  return ended(command);
}
