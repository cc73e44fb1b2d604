import type { KubeMQError } from "../api/errors.js";
import type { Clock } from "../support/time/clock.js";
import type { Reader, Source } from "../transport/index.js";
import type { Attempt, Opened } from "./plan.js";

/** An attempt that has worked for this time resets the back-off, in milliseconds. */
const HEALTHY_MS = 10_000;

/**
 * A server may refuse a request up to this many milliseconds after it has answered the ping that
 * was sent behind the request.
 */
const ACCEPTED_MS = 50;

/** The end of an attempt: by its plan, by an error, or undefined when the stream was left. */
export type Outcome = "renew" | "finish" | KubeMQError | undefined;

type State =
  | { readonly kind: "open" }
  /** Accepts no more messages; the source stays open until it is cancelled. */
  | { readonly kind: "over" }
  | { readonly kind: "cancelled" };

interface AttemptHooks {
  /** Called once, when the server has answered and the attempt works. */
  readonly onUp: () => void;
  /** Called once, when the attempt accepts no more messages. */
  readonly onOver: () => void;
}

/**
 * One attempt of a stream: owns its source, and knows whether it works. Messages go directly from
 * the source to the engine.
 */
export class EngineAttempt<Wire> implements Attempt {
  readonly number: number;
  readonly over: Promise<Outcome>;
  readonly #clock: Clock;
  readonly #hooks: AttemptHooks;
  #state: State = { kind: "open" };
  #source: Source<Wire> | undefined;
  #hasReceived = false;
  #hasDelivered = false;
  #upSince: number | undefined;
  readonly #watchers = new Set<() => void>();
  #controller: AbortController | undefined;
  #conclude: (outcome: Outcome) => void = () => {};

  constructor(number: number, clock: Clock, hooks: AttemptHooks) {
    this.number = number;
    this.#clock = clock;
    this.#hooks = hooks;
    this.over = new Promise((resolve) => (this.#conclude = resolve));
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      this.onOver(() => controller.abort());
    }
    return this.#controller.signal;
  }

  get isOver(): boolean {
    return this.#state.kind !== "open";
  }

  onOver(run: () => void): () => void {
    if (this.#state.kind === "cancelled") {
      run();
      return () => {};
    }
    this.#watchers.add(run);
    return () => void this.#watchers.delete(run);
  }

  /**
   * Whether the server accepted the request: data was received, or the call stayed open although a
   * ping behind it was answered.
   */
  get hasWorked(): boolean {
    return this.#hasReceived || (this.#upSince !== undefined && this.#clock.now() - this.#upSince >= ACCEPTED_MS);
  }

  /** Whether an item was delivered, or the attempt worked for a while. */
  get wasHealthy(): boolean {
    // promise: attempt-healthy
    return this.#hasDelivered || (this.#upSince !== undefined && this.#clock.now() - this.#upSince >= HEALTHY_MS);
  }

  /**
   * Opens the source and reads it. Rejects when the source cannot be opened, which ends the attempt
   * like an error of the source.
   */
  async begin(open: () => Opened<Wire>, reader: Reader<Wire>): Promise<void> {
    const opened = open();
    const source = opened instanceof Promise ? await opened : opened;
    if (this.#state.kind === "cancelled") return source?.cancel();
    this.#source = source;
    if (!this.isOver) source?.read(reader);
  }

  /** Continues reading when the reader has room again. */
  resume(): void {
    this.#source?.resume();
  }

  /** Records the arrival of a message. */
  received(): void {
    this.#hasReceived = true;
    this.answered();
  }

  /** Records that a message has become an item: a server that only repeats messages is not healthy. */
  delivered(): void {
    this.#hasDelivered = true;
  }

  /** Records an answer of the server. An answer after the end is ignored. */
  answered(): void {
    if (this.#upSince !== undefined || this.isOver) return; // promise: late-probe-ignored
    this.#upSince = this.#clock.now();
    this.#hooks.onUp();
  }

  fail(error: KubeMQError): void {
    this.#end(error);
  }

  renew(): void {
    this.#end("renew");
  }

  finish(): void {
    this.#end("finish");
  }

  /** Accepts no more messages; the source stays open until the attempt is cancelled. */
  stop(): void {
    if (this.#state.kind !== "open") return;
    this.#state = { kind: "over" };
    this.#hooks.onOver();
    this.#conclude(undefined);
  }

  cancel(): void {
    if (this.#state.kind === "cancelled") return;
    this.stop();
    this.#state = { kind: "cancelled" };
    this.#source?.cancel();
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const run of watchers) run();
  }

  #end(outcome: Outcome): void {
    if (this.isOver) return;
    this.#conclude(outcome);
    this.cancel();
  }
}
