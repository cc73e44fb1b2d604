import type { Cancel, Clock } from "../clock.js";
import type { Reply } from "../grpc/reply.js";

/** How an outlet treats messages that its client is too slow to receive. */
export interface OutletLimits {
  readonly clock: Clock;
  /** Undefined: no message is dropped because of waiting. */
  readonly slowConsumerMs: number | undefined;
}

// How much a KubeMQ server buffers for a subscription before it waits for the client.
const delivered = 100;
// NATS's limits for a slow subscriber: beyond them, messages are dropped.
const mostMessages = 65_536;
const mostBytes = 64 * 2 ** 20;
// Beyond this, a publishing stream waits for the subscriber, as long as the subscriber makes
// progress.
const crowded = 1_000;
const patienceMs = 1_000;

const batchBytes = 65_536;

type Crowd =
  | { readonly state: "none" }
  /** Publishers await `cleared`, up to the limit. */
  | {
      readonly state: "waiting";
      readonly cleared: Promise<void>;
      readonly clear: () => void;
      readonly cancelTimer: Cancel;
    }
  /** The client does not read: publishers no longer wait for it. */
  | { readonly state: "stuck" };

/**
 * Sends messages to one subscriber without Connect's generators: a fan-out writes the same bytes to
 * every stream.
 *
 * One write is in progress at a time; the next one includes all messages queued meanwhile.
 */
export class Outlet {
  readonly #reply: Reply;
  readonly #limits: OutletLimits;
  #queue: Uint8Array[] = [];
  #bytes = 0;
  #writing = false;
  #crowd: Crowd = { state: "none" };
  #impatient: Cancel | undefined;
  #onSpace: (() => void) | undefined;

  constructor(reply: Reply, limits: OutletLimits) {
    this.#reply = reply;
    this.#limits = limits;
  }

  /** Whether the server would accept another message for this subscriber without waiting. */
  get hasSpace(): boolean {
    return this.#queue.length < delivered;
  }

  /** Called when there is space again, for a source that keeps the messages itself. */
  set onSpace(fn: () => void) {
    this.#onSpace = fn;
  }

  /**
   * Settles when the subscriber has caught up or has been given up; undefined when there is no need
   * to wait.
   */
  get room(): Promise<void> | undefined {
    return this.#crowd.state === "waiting" ? this.#crowd.cleared : undefined;
  }

  /**
   * Sends a framed message. Returns false when it was dropped because the subscriber is too far
   * behind.
   */
  send(framed: Uint8Array): boolean {
    const queue = this.#queue;
    const full = queue.length >= mostMessages || this.#bytes + framed.length > mostBytes;
    if (full && queue.length > 0) return false;
    queue.push(framed);
    this.#bytes += framed.length;
    if (!this.#writing) this.#write();
    if (this.#queue.length > delivered) this.#watch();
    if (this.#queue.length > crowded && this.#crowd.state === "none") this.#wait();
    return true;
  }

  /** The subscriber is gone. */
  close(): void {
    this.#queue = [];
    this.#bytes = 0;
    this.#impatient?.();
    this.#clearCrowd();
    this.#onSpace = undefined;
  }

  #write(): void {
    const queue = this.#queue;
    const [first] = queue;
    if (first === undefined) return;
    let taken = 1;
    let bytes = first.length;
    for (let next = queue[taken]; next !== undefined; next = queue[++taken]) {
      if (bytes + next.length > batchBytes) break;
      bytes += next.length;
    }
    const batch = taken === 1 ? first : Buffer.concat(queue.slice(0, taken), bytes);
    this.#queue = queue.slice(taken);
    this.#bytes -= bytes;
    this.#writing = true;
    this.#reply.write(batch, "binary", (error?: Error | null) => {
      this.#writing = false;
      if (error) return;
      this.#impatient?.();
      this.#impatient = undefined;
      this.#write();
      if (this.#queue.length > delivered) this.#watch();
      else this.#onSpace?.();
      if (this.#queue.length <= crowded / 2) this.#clearCrowd();
    });
  }

  // The server waits for one message at a time, drops it, and then waits for the next.
  #watch(): void {
    const { slowConsumerMs, clock } = this.#limits;
    if (slowConsumerMs === undefined || this.#impatient !== undefined) return;
    this.#impatient = clock.setTimer(slowConsumerMs, () => {
      this.#impatient = undefined;
      const [dropped] = this.#queue.splice(delivered, 1);
      this.#bytes -= dropped?.length ?? 0;
      if (this.#queue.length > delivered) this.#watch();
    });
  }

  #wait(): void {
    let clear = () => {};
    const cleared = new Promise<void>((resolve) => (clear = resolve));
    const cancelTimer = this.#limits.clock.setTimer(patienceMs, () => {
      clear();
      this.#crowd = { state: "stuck" };
    });
    this.#crowd = { state: "waiting", cleared, clear, cancelTimer };
  }

  #clearCrowd(): void {
    if (this.#crowd.state === "waiting") {
      this.#crowd.cancelTimer();
      this.#crowd.clear();
    }
    this.#crowd = { state: "none" };
  }
}
