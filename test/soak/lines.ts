import { Child } from "../support/child.js";
import type { Closing, Direction } from "../support/tcp-proxy.js";

export const LINES = ["north", "east", "south"] as const;
export type LineName = (typeof LINES)[number];

/** A TCP proxy in the process of the lines, see `TcpProxy`. */
export class Line {
  readonly name: LineName;
  readonly #child: Child;

  constructor(name: LineName, child: Child) {
    this.name = name;
    this.#child = child;
  }

  reset = () => this.#call("reset");
  fin = () => this.#call("fin");
  drop = (direction: Direction) => this.#call("drop", direction);
  restore = () => this.#call("restore");
  pause = (direction: Direction) => this.#call("pause", direction);
  resume = () => this.#call("resume");
  delay = (ms: number) => this.#call("delay", ms);
  refuse = () => this.#call("refuse");
  accept = () => this.#call("accept");

  closedSince(at: number): Promise<readonly Closing[]> {
    return this.#call("closedSince", at) as Promise<readonly Closing[]>;
  }

  #call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#child.call([this.name, method], ...args);
  }
}

/**
 * The lines between the clients and the broker. They have a process of their own: a blocked event
 * loop of the clients must not hold back the answers of the broker.
 */
export class Lines implements AsyncDisposable {
  readonly #child: Child;
  readonly #addresses: Readonly<Record<LineName, string>>;

  private constructor(child: Child, addresses: Readonly<Record<LineName, string>>) {
    this.#child = child;
    this.#addresses = addresses;
  }

  static async start(port: number, southernStreams: number): Promise<Lines> {
    const options = { port, southernStreams };
    const program = "test/programs/lines-child.ts";
    const { child, ready } = await Child.start<{ addresses: Record<LineName, string> }>("the lines", program, options);
    return new Lines(child, ready.addresses);
  }

  address(name: LineName): string {
    return this.#addresses[name];
  }

  line(name: LineName): Line {
    return new Line(name, this.#child);
  }

  /** The southern line: connections, and the most streams that one of them had. */
  seen(): Promise<{ readonly connections: number; readonly mostStreams: number }> {
    return this.#child.call(["seen"]) as Promise<{ connections: number; mostStreams: number }>;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child.kill();
  }
}
