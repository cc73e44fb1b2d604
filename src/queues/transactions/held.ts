import type { KubeMQError } from "../../api/errors.js";
import type { Subject } from "../../support/checks.js";
import type { SettleHandle, SettleKind } from "../delivery.js";
import type { Call } from "./call.js";

/**
 * The server's transaction of one poll. It holds the poll's messages until each is settled, or
 * until the transaction is closed.
 */
export interface Transaction {
  readonly call: Call;
  readonly id: string;
  /**
   * Whether the poll returned fewer messages than requested. A community server (v2.4.0) may then
   * take one more message after its answer, which is never delivered. The transaction does not end
   * when the others are settled.
   */
  readonly isShort: boolean;
}

type State =
  | { readonly kind: "open" }
  /** A settlement was requested, and its outcome is awaited. */
  | { readonly kind: "settling"; readonly resolve: () => void; readonly reject: (error: KubeMQError) => void }
  | { readonly kind: "settled" }
  /** The message was lost: the server no longer holds it for this consumer. */
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
  /** Expiration by the server's clock, in milliseconds since 1970; Infinity without one. */
  readonly expiresAtMs: number;
  /** The transaction that holds the message. It changes when the consumer polls again for more. */
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

  /** Whether the message can be settled. */
  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  /** Records a requested settlement. The promise reports its outcome. */
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

  /** @param staysOpen whether the server still holds the message for another settlement */
  refuse(error: KubeMQError, staysOpen: boolean): void {
    const state = this.#state;
    this.#state = staysOpen ? OPEN : SETTLED;
    if (state.kind === "settling") state.reject(error);
  }

  /** Records that the server no longer holds the message for this consumer. */
  lose(error: KubeMQError): void {
    const state = this.#state;
    this.#state = { kind: "lost", error };
    if (state.kind === "settling") state.reject(error);
  }

  /** The reason why an unsettled message can no longer be settled. */
  get loss(): KubeMQError | undefined {
    return this.#state.kind === "lost" ? this.#state.error : undefined;
  }

  /**
   * Releases a message that is not handed out. It returns to the queue when its transaction ends.
   */
  release(): void {
    this.#state = SETTLED;
  }
}
