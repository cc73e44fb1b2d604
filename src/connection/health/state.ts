import type { KubeMQError } from "../../api/errors.js";
import type { ConnectionState } from "../../api/status.js";
import type { StatusFeed } from "../status-feed.js";

/** Derives the client's state from observed events only, and reports each change. */
export class StateTracker {
  readonly #feed: StatusFeed;
  readonly #server: () => string;
  /** Streams that count in the state, with their last known condition. */
  readonly #streams = new Map<object, "new" | "up" | "down">();
  #state: ConnectionState = "idle";
  #phase: "open" | "closing" | "closed" = "open";
  /** True when the last observed event was an answer from the server. */
  #answered = false;
  /**
   * The error of a call that lost its connection; pending until the open streams confirm or refute
   * it.
   */
  #doubt: KubeMQError | undefined;
  #waiting = 0;

  /** @param server returns the address of the server in use */
  constructor(feed: StatusFeed, server: () => string) {
    this.#feed = feed;
    this.#server = server;
  }

  get current(): ConnectionState {
    return this.#state;
  }

  /** A call starts to wait for the server. */
  began(): void {
    this.#waiting += 1;
    if (!this.#answered) this.#derive();
  }

  /** A call stops waiting for the server, with any outcome. */
  done(): void {
    this.#waiting -= 1;
    if (!this.#answered) this.#derive();
  }

  answered(): void {
    this.#doubt = undefined;
    if (this.#answered) return;
    this.#answered = true;
    this.#derive();
  }

  lost(error: KubeMQError): void {
    this.#doubt = error;
    this.#settleDoubt();
  }

  joined(stream: object): void {
    this.#streams.set(stream, "new");
    this.#derive();
  }

  left(stream: object): void {
    if (!this.#streams.delete(stream)) return;
    this.#settleDoubt();
    this.#derive();
  }

  streamUp(stream: object): void {
    if (!this.#streams.has(stream)) return;
    this.#streams.set(stream, "up");
    this.#answered = true;
    this.#doubt = undefined;
    this.#derive();
  }

  streamDown(stream: object, error: KubeMQError): void {
    if (!this.#streams.has(stream)) return;
    this.#streams.set(stream, "down");
    this.#derive(error);
    this.#settleDoubt();
  }

  closing(): void {
    this.#phase = "closing";
    this.#derive();
  }

  closed(): void {
    this.#phase = "closed";
    this.#derive();
  }

  /**
   * A failed call does not change the state while streams are open: they detect a lost connection
   * themselves.
   */
  #settleDoubt(): void {
    const error = this.#doubt;
    if (error === undefined || this.#some("up")) return; // promise: state-failed-call
    this.#doubt = undefined;
    this.#answered = false;
    this.#derive(error);
  }

  #derive(error?: KubeMQError): void {
    const state = this.#next();
    const previous = this.#state;
    if (state === previous) return;
    this.#state = state;
    const server = this.#server();
    this.#feed.publish({ type: "state", state, previous, server, ...(error === undefined ? {} : { error }) });
  }

  #next(): ConnectionState {
    if (this.#phase !== "open") return this.#phase;
    if (this.#some("down")) return "reconnecting"; // promise: state-reconnecting
    if (this.#answered) return "ready"; // promise: state-ready
    return this.#waiting > 0 || this.#streams.size > 0 ? "connecting" : "idle";
  }

  #some(what: "up" | "down"): boolean {
    for (const known of this.#streams.values()) if (known === what) return true;
    return false;
  }
}
