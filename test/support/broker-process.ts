import type { BrokerOptions, BrokerStats } from "kubemq-es/testing";
import { Child } from "./child.js";

type Options = Pick<BrokerOptions, "port" | "token" | "maxMessages" | "slowConsumerMs" | "maxMessageBytes">;

/** A broker in a separate process, which can be killed and restarted on its port. */
export class BrokerProcess implements AsyncDisposable {
  port = 0;
  readonly #options: Options;
  #child: Child | undefined;

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
    const program = "test/programs/broker-child.ts";
    const { child, ready } = await Child.start<{ port: number }>("the broker process", program, options);
    this.#child = child;
    this.port = ready.port;
  }

  /** SIGKILL: connections break without notice, and everything stored is lost. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await child?.kill();
  }

  stats(): Promise<BrokerStats> {
    return this.call(["stats"]) as Promise<BrokerStats>;
  }

  /** Calls a method of the broker in the other process, such as `call(["faults", "goAway"])`. */
  async call(path: readonly string[], ...args: unknown[]): Promise<unknown> {
    if (this.#child === undefined) throw new Error("the broker process is not running");
    return this.#child.call(path, ...args);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
