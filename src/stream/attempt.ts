import type { KubeMQError } from "../api/errors.js";
import type { Clock } from "../support/clock.js";
import { cancelled } from "../support/faults.js";
import { TurnClock } from "../support/turn-clock.js";
import type { BatchReader, BatchSource } from "../transport/index.js";
import type { Attempt, Opened } from "./plan.js";

/** An attempt that has worked for so long starts its back-off anew. */
const HEALTHY_MS = 10_000;

/** A refusal may come after the answer of the ping that was sent behind the request, but hardly later than this. */
const ACCEPTED_MS = 50;

const none: readonly never[] = [];

const wallClock = new TurnClock(() => Date.now());

/** What ended an attempt: its plan or an error; undefined when it was left. */
export type Outcome = "renew" | "finish" | KubeMQError | undefined;

/** Whom an attempt reads for. */
export interface Intake<Wire> {
  /** It works: something was received, or a ping behind its request was answered. Told once. */
  up(): void;
  /** Takes in what there is room for, from one place in a batch on; gives where it stopped. What it throws ends the attempt. */
  accept(batch: readonly Wire[], from: number, receivedMs: number, attempt: RpcAttempt<Wire>): number;
  /** What an error means; without one the server has ended the stream. */
  failure(error: unknown): KubeMQError;
}

/**
 * One RPC attempt of a stream, which it reads batch by batch as long as there is room. It is called and awaits nothing: see
 * {@link BatchReader}.
 */
export class RpcAttempt<Wire> implements Attempt, BatchReader<Wire> {
  // First what every batch meets.
  readonly #intake: Intake<Wire>;
  #isOver = false;
  #received = false;
  #upSince: number | undefined;
  #source: BatchSource<Wire> | undefined;
  /** What was received and not taken in whole, since when, and how much of it was. */
  #batch: readonly Wire[] = none;
  #receivedMs = 0;
  #taken = 0;
  readonly number: number;
  readonly over: Promise<Outcome>;
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  #conclude: (outcome: Outcome) => void = () => {};

  constructor(number: number, clock: Clock, intake: Intake<Wire>) {
    this.number = number;
    this.#clock = clock;
    this.#intake = intake;
    this.over = new Promise((resolve) => (this.#conclude = resolve));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The server took the request: something was received, or the call stayed open although a ping behind it was answered. */
  get hasWorked(): boolean {
    return this.#received || (this.#upSince !== undefined && this.#clock.now() - this.#upSince >= ACCEPTED_MS);
  }

  get wasHealthy(): boolean {
    // promise: attempt-healthy
    return this.#received || (this.#upSince !== undefined && this.#clock.now() - this.#upSince >= HEALTHY_MS);
  }

  /** Reads what is opened, to its end. */
  async begin(open: () => Opened<Wire>): Promise<void> {
    try {
      const opened = open();
      this.#source = opened instanceof Promise ? await opened : opened;
      if (!this.#isOver) this.#source?.read(this);
    } catch (error) {
      this.end(error);
    }
  }

  batch(messages: readonly Wire[]): void {
    if (this.#isOver) return;
    this.answered();
    this.#received = true;
    this.#takeIn(messages, 0, wallClock.now());
  }

  /** Goes on: there is room again. */
  takeIn(): void {
    if (this.#isOver) return;
    const batch = this.#batch;
    this.#batch = none;
    this.#takeIn(batch, this.#taken, this.#receivedMs);
  }

  #takeIn(batch: readonly Wire[], from: number, receivedMs: number): void {
    let taken: number;
    try {
      taken = this.#intake.accept(batch, from, receivedMs, this);
    } catch (error) {
      return this.end(error);
    }
    if (this.#isOver) return;
    if (taken === batch.length) return this.#source?.read(this);
    this.#batch = batch;
    this.#taken = taken;
    this.#receivedMs = receivedMs;
  }

  /** It works. An answer that comes after the end says nothing. */
  answered(): void {
    if (this.#upSince !== undefined || this.#isOver) return; // promise: late-probe-ignored
    this.#upSince = this.#clock.now();
    this.#intake.up();
  }

  end(error?: unknown): void {
    if (!this.#isOver) this.#end(this.#intake.failure(error));
  }

  renew(): void {
    this.#end("renew");
  }

  finish(): void {
    this.#end("finish");
  }

  /** Takes in nothing more; the call stays open until it is cancelled. */
  stop(): void {
    this.#isOver = true;
    this.#batch = none;
    this.#conclude(undefined);
  }

  cancel(): void {
    this.stop();
    this.#controller.abort(cancelled());
  }

  #end(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#conclude(outcome);
    this.cancel();
  }
}
