import type { KubeMQError } from "../api/errors.js";
import type { HostedStream, StreamHost } from "../connection/hosted-stream.js";
import { backoffDelay, type ReconnectPolicy } from "../support/time/backoff.js";
import { toKubeMQError } from "../support/faults.js";
import type { Reader } from "../transport/index.js";
import { EngineAttempt } from "./attempt.js";
import { Failures } from "./failures.js";
import type { StreamPlan } from "./plan.js";

/** The stream to which these attempts belong. */
export interface AttemptsOwner<Wire> extends Reader<Wire>, HostedStream {
  /** True when the stream was left and still delivers items. An error then ends it. */
  readonly isDraining: boolean;
  /** Called when another attempt begins. */
  onAttempt(): void;
  /** Called when the current attempt accepts no more messages. */
  onAttemptOver(): void;
  /** Called when the server has answered the first attempt, or an attempt after a loss. */
  onUp(): void;
  /** Called when an attempt has failed; another may follow. */
  onLost(error: KubeMQError): void;
  /** Called when no attempt follows: the stream is complete or has failed. */
  onEnd(error?: KubeMQError): void;
}

/** The attempts of a stream, one after another, with a back-off after each failure. */
export class Attempts<Wire, Item> {
  readonly #plan: StreamPlan<Wire, Item>;
  readonly #host: StreamHost;
  readonly #policy: false | ReconnectPolicy;
  readonly #owner: AttemptsOwner<Wire>;
  #current: EngineAttempt<Wire> | undefined;
  #isStopped = false;
  /** Ends a back-off. */
  #wake: (() => void) | undefined;
  #downSince: number | undefined;

  constructor(
    plan: StreamPlan<Wire, Item>,
    host: StreamHost,
    policy: false | ReconnectPolicy,
    owner: AttemptsOwner<Wire>,
  ) {
    this.#plan = plan;
    this.#host = host;
    this.#policy = policy;
    this.#owner = owner;
  }

  async run(): Promise<void> {
    const { clock } = this.#host;
    const failures = new Failures(this.#policy);
    let hasWorked = false;
    // promise: aborted-before-start
    for (let number = 1; !this.#isStopped; number++) {
      const attempt = this.#begin(number);
      const outcome = await attempt.over;
      if (outcome === undefined || this.#isStopped) return;
      if (outcome === "finish") return this.#owner.onEnd();
      if (outcome === "renew") {
        if (attempt.wasHealthy) failures.reset();
        continue;
      }
      if (this.#owner.isDraining) return this.#owner.onEnd();
      const error = outcome;
      this.#owner.onLost(error);
      hasWorked ||= attempt.hasWorked; // promise: worked-stream-comes-back
      if (attempt.wasHealthy) failures.reset(); // promise: backoff-doubles
      const isOver = this.#plan.isTerminal?.(error) === true || failures.endsAfter(error, hasWorked);
      if (this.#policy === false || isOver) return this.#owner.onEnd(error); // promise: terminal-errors-thrown
      this.#downSince ??= clock.now(); // promise: status-down-since
      this.#host.down(this.#owner, error);
      const delayMs = backoffDelay(this.#policy, failures.count, () => this.#host.random());
      const { channel, kind } = this.#plan;
      this.#host.report({ type: "retry", channel, kind, attempt: failures.count, delayMs, error }); // promise: status-retry
      await this.#sleep(delayMs);
    }
  }

  /** Records the arrival of a message. */
  received(): void {
    this.#current?.received();
  }

  /** Records the first item of an attempt. */
  delivered(): void {
    this.#current?.delivered();
  }

  /** Continues reading when the reader has room again. */
  resume(): void {
    this.#current?.resume(); // promise: room-resumes-reading
  }

  /** Ends the current attempt with an error. */
  fail(error: unknown): void {
    this.#current?.fail(toKubeMQError(error, this.#plan));
  }

  /** Accepts no more messages; the source stays open until `cancel`. */
  stop(): void {
    this.#isStopped = true;
    this.#current?.stop();
  }

  cancel(): void {
    this.#isStopped = true;
    this.#current?.cancel(); // promise: stop-cancels-call
    this.#wake?.(); // promise: stop-wakes-backoff
  }

  #begin(number: number): EngineAttempt<Wire> {
    const attempt = new EngineAttempt<Wire>(number, this.#host.clock, {
      onUp: () => this.#up(),
      onOver: () => this.#owner.onAttemptOver(),
    });
    this.#current = attempt;
    this.#owner.onAttempt();
    attempt
      .begin(() => this.#plan.open(attempt), this.#owner)
      .catch((error: unknown) => attempt.fail(toKubeMQError(error, this.#plan)));
    this.#host.probe(attempt).then(
      () => attempt.answered(),
      () => {}, // the stream or the liveness check reports the cause
    );
    return attempt;
  }

  #up(): void {
    this.#owner.onUp();
    this.#host.up(this.#owner);
    if (this.#downSince === undefined) return;
    const downMs = Math.round(this.#host.clock.now() - this.#downSince);
    this.#downSince = undefined;
    const afterSequence = this.#plan.afterSequence?.();
    const { channel, kind } = this.#plan;
    this.#host.report({
      type: "resumed",
      channel,
      kind,
      downMs,
      ...(afterSequence === undefined ? {} : { afterSequence }),
    });
  }

  async #sleep(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#host.clock.setTimer(delayMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
