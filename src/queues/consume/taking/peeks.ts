import type { Connection } from "../../../connection/connection.js";
import { LIMITS } from "../../checks.js";
import { peekWaiting } from "../../waiting.js";
import type { Backlog } from "./backlog.js";
import type { Recount } from "./recount.js";
import type { Taking } from "./taking.js";

/** From this body size in bytes, the consumer waits by polls: a peek would send the body twice. */
const LARGE_BODY = 256 * 1_024;

/** Waits for messages with peeks, for a consumer that holds none. */
export class Peeks {
  readonly #connection: Connection;
  readonly #taking: Taking;
  readonly #backlog: Backlog;
  readonly #recount: Recount;
  readonly #stop = new AbortController();
  #arePossible = true;

  constructor(connection: Connection, taking: Taking, backlog: Backlog, recount: Recount) {
    this.#connection = connection;
    this.#taking = taking;
    this.#backlog = backlog;
    this.#recount = recount;
  }

  /** Whether the server has peeks, and its messages are small enough to be sent twice. */
  get arePossible(): boolean {
    return this.#arePossible;
  }

  /**
   * Waits for a message. Resolves with whether a peek failed immediately and must not be repeated.
   */
  async wait(): Promise<boolean> {
    const { clock } = this.#connection;
    const at = clock.now();
    const peeked = await peekWaiting(this.#connection, this.#taking.subject, this.#stop.signal);
    if (this.#stop.signal.aborted) return false;
    if (peeked.kind === "message") {
      this.#backlog.seen(peeked.message, clock.now() - at);
      this.#arePossible = peeked.message.Body.length < LARGE_BODY;
      void this.#recount.beside();
    } else if (peeked.kind === "refused") this.#arePossible = false;
    else return clock.now() - at < LIMITS.leastWaitMs / 2;
    return false;
  }

  stop(): void {
    this.#stop.abort();
  }
}
