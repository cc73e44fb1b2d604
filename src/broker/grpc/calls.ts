import { constants, type Http2Session } from "node:http2";
import type { Outcome, Reply } from "./reply.js";

/** The running calls, by the name of their RPC. */
export class Calls {
  readonly #live = new Map<string, Set<Reply>>();
  readonly #onCancelled: (session: Http2Session) => void;

  /** @param onCancelled called when a client has cancelled a call of this session */
  constructor(onCancelled: (session: Http2Session) => void) {
    this.#onCancelled = onCancelled;
  }

  add(rpc: string, reply: Reply): void {
    const replies = this.#live.get(rpc) ?? new Set();
    this.#live.set(rpc, replies.add(reply));
    const { stream } = reply;
    const { session } = stream;
    stream.once("close", () => {
      if (stream.rstCode === constants.NGHTTP2_CANCEL && session !== undefined) this.#onCancelled(session);
      replies.delete(reply);
      if (replies.size === 0 && this.#live.get(rpc) === replies) this.#live.delete(rpc);
    });
  }

  count(): Record<string, number> {
    return Object.fromEntries([...this.#live].map(([rpc, replies]) => [rpc, replies.size]));
  }

  /** Ends the calls of one RPC, or of all. Returns the number of calls. */
  end(rpc: string | undefined, outcome: Outcome): number {
    const chosen = this.#of(rpc);
    for (const reply of chosen) reply.finish(outcome);
    return chosen.length;
  }

  /** Resets the calls of one RPC, or of all. Returns the number of calls. */
  reset(rpc: string | undefined, code: number): number {
    const chosen = this.#of(rpc);
    for (const { stream } of chosen) stream.close(code);
    return chosen.length;
  }

  #of(rpc: string | undefined): Reply[] {
    return [...this.#live].flatMap(([name, replies]) => (rpc === undefined || rpc === name ? [...replies] : []));
  }
}
