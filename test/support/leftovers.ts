import { getEventListeners } from "node:events";
import type { Broker } from "kubemq-es/testing";
import { until } from "./until.js";

/** What keeps a process alive, and what a client must not leave behind. */
const RESOURCES = ["Timeout", "TCPSocketWrap", "TCPServerWrap", "TLSWrap"];
const PROCESS_EVENTS = ["exit", "beforeExit", "uncaughtException", "unhandledRejection", "SIGINT", "SIGTERM"];

type Counts = Readonly<Record<string, number>>;

function countResources(): Counts {
  const counts: Record<string, number> = Object.fromEntries(RESOURCES.map((name) => [name, 0]));
  for (const name of process.getActiveResourcesInfo()) if (name in counts) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function countListeners(): Counts {
  return Object.fromEntries(PROCESS_EVENTS.map((name) => [`listeners of ${name}`, process.listenerCount(name)]));
}

/** What a test leaves open. Made before anything is started; asked when everything is closed. */
export class Leftovers {
  /** A test may have two brokers: what one leaves is told from what the other has open when both are closed. */
  static readonly #unchecked = new Set<Leftovers>();
  readonly #before: Counts = { ...countResources(), ...countListeners() };
  readonly #signals = new Set<AbortSignal>();
  readonly #withinMs: number;

  /** @param withinMs how long what was closed may take to end, such as a socket */
  constructor(withinMs = 2_000) {
    this.#withinMs = withinMs;
    Leftovers.#unchecked.add(this);
  }

  /** Nothing is to be checked: the test has failed. */
  ignore(): void {
    Leftovers.#unchecked.delete(this);
  }

  /** A controller whose signal must have no listener in the end. */
  controller(): AbortController {
    const controller = new AbortController();
    this.#signals.add(controller.signal);
    return controller;
  }

  /** Fails when a call still runs on a broker whose clients are closed. */
  async checkCalls(broker: Broker): Promise<void> {
    const open = () => {
      const { streams, pendingRequests } = broker.stats();
      return pendingRequests === 0 ? streams : { ...streams, pendingRequests };
    };
    await this.#settled("calls", open);
  }

  /** Fails when timers, sockets or listeners are left that were not there before. */
  async check(): Promise<void> {
    Leftovers.#unchecked.delete(this);
    if (Leftovers.#unchecked.size > 0) return;
    const more = () => {
      const now = Object.entries({ ...countResources(), ...countListeners() });
      const left = now.map(([name, count]) => [name, count - (this.#before[name] ?? 0)] as const);
      const listeners = [...this.#signals].flatMap((signal) => getEventListeners(signal, "abort")).length;
      return Object.fromEntries(
        [...left, ["listeners of signals", listeners] as const].filter(([, count]) => count > 0),
      );
    };
    await this.#settled("resources", more);
  }

  async #settled(what: string, left: () => Counts): Promise<void> {
    try {
      await until(`no ${what} are left`, () => Object.keys(left()).length === 0, this.#withinMs);
    } catch {
      throw new Error(`the test leaves ${what} open: ${JSON.stringify(left())}`);
    }
  }
}
