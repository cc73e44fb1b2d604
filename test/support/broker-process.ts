import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { BrokerOptions, BrokerStats } from "kubemq-es/testing";
import { programAt } from "./program.js";
import { within } from "./until.js";

type Options = Pick<BrokerOptions, "port" | "token" | "maxMessages" | "slowConsumerMs" | "maxMessageBytes">;

/** A broker in a separate process, which can be killed and restarted on its port. */
export class BrokerProcess implements AsyncDisposable {
  port = 0;
  readonly #options: Options;
  #child: ChildProcess | undefined;
  #asked = 0;

  private constructor(options: Options) {
    this.#options = options;
  }

  static async start(options: Options = {}): Promise<BrokerProcess> {
    const broker = new BrokerProcess(options);
    await broker.start();
    return broker;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const options = this.port === 0 ? this.#options : { ...this.#options, port: this.port };
    const { file, execArgv } = programAt("test/programs/broker-child.ts");
    const child = fork(file, [JSON.stringify(options)], {
      execArgv: [...execArgv],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child = child;
    const [ready] = (await within(30_000, "the broker process is up", once(child, "message"))) as [{ port: number }];
    this.port = ready.port;
  }

  /** SIGKILL: connections break without notice, and everything stored is lost. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    this.#child = undefined;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  stats(): Promise<BrokerStats> {
    return this.call(["stats"]) as Promise<BrokerStats>;
  }

  /** Calls a method of the broker in the other process, such as `call(["faults", "goAway"])`. */
  async call(path: readonly string[], ...args: unknown[]): Promise<unknown> {
    const child = this.#child;
    if (child === undefined) throw new Error("the broker process is not running");
    const id = ++this.#asked;
    const answer = new Promise((resolve, reject) => {
      const onMessage = (message: { id?: number; value?: unknown; error?: string }) => {
        if (message.id !== id) return;
        child.off("message", onMessage);
        if (message.error === undefined) resolve(message.value);
        else reject(new Error(message.error));
      };
      child.on("message", onMessage);
    });
    child.send({ id, path, args });
    return within(10_000, `the broker process answers ${path.join(".")}`, answer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
