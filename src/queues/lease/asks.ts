import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import type { Subject } from "../../support/checks.js";
import { noConfirmation, noExtension } from "../settle-fault.js";
import type { HeldAsk } from "./wire.js";

interface Pending {
  readonly ask: HeldAsk;
  readonly resolve: () => void;
  readonly reject: (error: KubeMQError) => void;
}

/** The unanswered requests about the message of a lease. */
export class Asks {
  readonly #connection: Connection;
  readonly #subject: Subject;
  readonly #write: (ask: HeldAsk) => string;
  readonly #lose: (error: KubeMQError) => void;
  readonly #pending = new Map<string, Pending>();

  /**
   * @param write sends a request and returns its id
   * @param lose called when a settlement is not answered in time
   */
  constructor(
    connection: Connection,
    subject: Subject,
    write: (ask: HeldAsk) => string,
    lose: (error: KubeMQError) => void,
  ) {
    this.#connection = connection;
    this.#subject = subject;
    this.#write = write;
    this.#lose = lose;
  }

  ask(ask: HeldAsk): Promise<void> {
    const { clock, options } = this.#connection;
    return new Promise((resolve, reject) => {
      const id = this.#write(ask);
      const cancelTimer = clock.setTimer(options.timeoutMs, () => {
        this.#pending.delete(id);
        if (ask.kind === "extend") return reject(noExtension(this.#subject, ask.sequence));
        const error = noConfirmation(this.#subject, ask.sequence);
        reject(error);
        this.#lose(error);
      });
      this.#pending.set(id, {
        ask,
        resolve: () => {
          cancelTimer();
          resolve();
        },
        reject: (error) => {
          cancelTimer();
          reject(error);
        },
      });
    });
  }

  /** Removes and returns the request that an answer belongs to. */
  answered(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  /** Resolves all pending settlements. */
  resolveSettlements(): void {
    for (const [id, { ask, resolve }] of this.#pending) {
      if (ask.kind === "extend") continue;
      this.#pending.delete(id);
      resolve();
    }
  }

  rejectAll(errorFor: (ask: HeldAsk) => KubeMQError): void {
    for (const { ask, reject } of this.#pending.values()) reject(errorFor(ask));
    this.#pending.clear();
  }
}
