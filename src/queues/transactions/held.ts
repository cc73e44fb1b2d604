import type { KubeMQError } from "../../api/errors.js";
import type { Subject } from "../../support/checks.js";
import type { SettleHandle, SettleKind } from "../delivery.js";
import type { Call } from "./call.js";

/** What a poll opens on the server: it holds the messages of the poll until each is settled, or until it is closed. */
export interface Transaction {
  readonly call: Call;
  readonly id: string;
  /**
   * Whether the poll brought less than it asked for. A community server (v2.4.0) may then take one more message after its answer,
   * which nobody sees, and the transaction does not end with the settlement of the others.
   */
  readonly isShort: boolean;
}

type State =
  | { readonly kind: "open" }
  /** A settlement was requested, and its outcome is awaited. */
  | { readonly kind: "settling"; readonly resolve: () => void; readonly reject: (error: KubeMQError) => void }
  | { readonly kind: "settled" }
  /** The server holds it for somebody else by now. */
  | { readonly kind: "lost"; readonly error: KubeMQError };

const OPEN: State = { kind: "open" };

const SETTLED: State = { kind: "settled" };

/** Settles held messages. */
export interface Settler {
  readonly subject: Subject;
  settle(message: HeldMessage, kind: SettleKind, channel: string): Promise<void>;
}

/** One message that the server holds for this consumer. */
export class HeldMessage implements SettleHandle {
  readonly #settler: Settler;
  readonly sequence: bigint;
  /** By the server's clock, in milliseconds since 1970; Infinity without an expiration. */
  readonly expiresAtMs: number;
  /** The transaction that holds it. Another one after the consumer has polled again for more. */
  transaction: Transaction;
  #state: State = OPEN;

  constructor(settler: Settler, sequence: bigint, transaction: Transaction, expiresAtMs: number) {
    this.#settler = settler;
    this.sequence = sequence;
    this.transaction = transaction;
    this.expiresAtMs = expiresAtMs;
  }

  get subject(): Subject {
    return this.#settler.subject;
  }

  get isSettled(): boolean {
    return this.#state.kind === "settling" || this.#state.kind === "settled";
  }

  settle(kind: SettleKind, channel = ""): Promise<void> {
    return this.#settler.settle(this, kind, channel);
  }

  /** Whether it can be settled. */
  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  /** A settlement is requested; resolves, or rejects, with the outcome. */
  begin(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#state = { kind: "settling", resolve, reject };
    });
  }

  confirm(): void {
    const state = this.#state;
    this.#state = SETTLED;
    if (state.kind === "settling") state.resolve();
  }

  /** @param staysOpen whether the server still holds the message, so that it can be settled in another way */
  refuse(error: KubeMQError, staysOpen: boolean): void {
    const state = this.#state;
    this.#state = staysOpen ? OPEN : SETTLED;
    if (state.kind === "settling") state.reject(error);
  }

  /** The server does not hold it for this consumer any more. */
  lose(error: KubeMQError): void {
    const state = this.#state;
    this.#state = { kind: "lost", error };
    if (state.kind === "settling") state.reject(error);
  }

  /** Why it cannot be settled any more, though it was not. */
  get loss(): KubeMQError | undefined {
    return this.#state.kind === "lost" ? this.#state.error : undefined;
  }

  /** It is not handed out, and returns to its queue with the end of its transaction. */
  release(): void {
    this.#state = SETTLED;
  }
}
