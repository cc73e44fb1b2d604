import { execFile } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { TcpProxy } from "../support/tcp-proxy.js";

const execute = promisify(execFile);

export interface FaultPlan {
  /** `host:port` of the server. */
  readonly address: string;
  /** Milliseconds between two resets of all connections. */
  readonly resetMs: number;
  /** Shell command that kills the server and starts it again with its data. */
  readonly restart: string | undefined;
  /** Number of restarts, evenly spread over the run. */
  readonly restarts: number;
}

/** Faults between a client and a server: resets of all connections, and restarts of the server. */
export class Faults implements AsyncDisposable {
  readonly #plan: FaultPlan;
  readonly #proxy: TcpProxy;
  readonly #timer: NodeJS.Timeout;
  #due: number;
  resets = 0;
  restarts = 0;

  private constructor(plan: FaultPlan, proxy: TcpProxy) {
    this.#plan = plan;
    this.#proxy = proxy;
    this.#due = plan.restart === undefined ? 0 : plan.restarts;
    this.#timer = setInterval(() => {
      this.resets += 1;
      proxy.reset();
    }, plan.resetMs);
  }

  static async start(plan: FaultPlan): Promise<Faults> {
    const { hostname, port } = new URL(`http://${plan.address}`);
    return new Faults(plan, await TcpProxy.start(Number(port), hostname));
  }

  /** The address behind which the faults happen. */
  get address(): string {
    return this.#proxy.address;
  }

  /** Restarts the server when its turn has come. `done` is the part of the work that is done, from 0 to 1. */
  async at(done: number): Promise<void> {
    const { restart, restarts } = this.#plan;
    if (restart === undefined || this.#due === 0 || done < (restarts - this.#due + 1) / (restarts + 1)) return;
    this.#due -= 1;
    this.restarts += 1;
    await execute("/bin/sh", ["-c", restart]);
    await pause(100);
  }

  /** Ends the faults. Connections live from now on. */
  calm(): void {
    clearInterval(this.#timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.calm();
    await this.#proxy[Symbol.asyncDispose]();
  }
}
