import type { KubeMQError } from "../errors.js";
import type { ConnectionState, StatusFeed } from "../status.js";

/** Derives the client's state from what is known, and reports each change: no state is ever set by hope. */
export class StateTracker {
  readonly #feed: StatusFeed;
  readonly #streamsDown = new Set<object>();
  #state: ConnectionState = "idle";
  #phase: "open" | "closing" | "closed" = "open";
  /** The server answered the last time something was heard of it. */
  #answered = false;
  #waiting = 0;

  constructor(feed: StatusFeed) {
    this.#feed = feed;
  }

  get current(): ConnectionState {
    return this.#state;
  }

  /** Somebody waits for the server. */
  began(): void {
    this.#waiting += 1;
    if (!this.#answered) this.#derive();
  }

  /** Nobody waits for it any more, whatever came of it. */
  done(): void {
    this.#waiting -= 1;
    if (!this.#answered) this.#derive();
  }

  answered(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#derive();
  }

  lost(error: KubeMQError): void {
    if (!this.#answered) return;
    this.#answered = false;
    this.#derive(error);
  }

  streamUp(stream: object): void {
    this.#answered = true;
    this.#streamsDown.delete(stream);
    this.#derive();
  }

  streamDown(stream: object, error: KubeMQError): void {
    this.#streamsDown.add(stream);
    this.#derive(error);
  }

  streamGone(stream: object): void {
    if (this.#streamsDown.delete(stream)) this.#derive();
  }

  closing(): void {
    this.#phase = "closing";
    this.#derive();
  }

  closed(): void {
    this.#phase = "closed";
    this.#derive();
  }

  #derive(error?: KubeMQError): void {
    const state = this.#next();
    const previous = this.#state;
    if (state === previous) return;
    this.#state = state;
    this.#feed.publish({ type: "state", state, previous, ...(error === undefined ? {} : { error }) });
  }

  #next(): ConnectionState {
    if (this.#phase !== "open") return this.#phase;
    if (this.#streamsDown.size > 0) return "reconnecting";
    if (this.#answered) return "ready";
    return this.#waiting > 0 ? "connecting" : "idle";
  }
}
