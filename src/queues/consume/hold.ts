import type { KubeMQError } from "../../api/errors.js";

type State =
  | { readonly kind: "open" }
  /** Its settlement was asked for, and the server's word is awaited. */
  | { readonly kind: "settling"; readonly resolve: () => void; readonly reject: (error: KubeMQError) => void }
  | { readonly kind: "settled" };

const OPEN: State = { kind: "open" };

const SETTLED: State = { kind: "settled" };

/** One message that the server holds open for this consumer. */
export class Hold {
  readonly sequence: bigint;
  readonly transaction: string;
  #state: State = OPEN;

  constructor(sequence: bigint, transaction: string) {
    this.sequence = sequence;
    this.transaction = transaction;
  }

  /** Whether it can be settled. */
  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  /** Its settlement is asked for; resolves, or rejects, with the outcome. */
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

  /** @param staysOpen whether the server holds the message still, so that it can be settled otherwise */
  refuse(error: KubeMQError, staysOpen: boolean): void {
    const state = this.#state;
    this.#state = staysOpen ? OPEN : SETTLED;
    if (state.kind === "settling") state.reject(error);
  }

  /** Nobody gets to settle it. */
  close(): void {
    this.#state = SETTLED;
  }
}
