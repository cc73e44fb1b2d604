import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import type { KubeMQError } from "../api/errors.js";
import type { Status } from "../api/status.js";
import type { HostedStream, StreamHost } from "./hosted-stream.js";
import { onAbort } from "../support/abort.js";
import type { ReconnectPolicy } from "../support/time/backoff.js";
import { checkTimeout, type Subject } from "../support/checks.js";
import { type Clock, systemClock } from "../support/time/clock.js";
import {
  cancelled,
  clientClosed,
  connectionLost,
  isTokenRefused,
  retryable,
  toKubeMQError,
} from "../support/faults.js";
import { checkCallOptions } from "../support/names/call-options.js";
import { isInHandler, outsideHandlers } from "../support/handlers/context.js";
import { transportFault } from "../support/transport-error.js";
import { type Keepalive, type Source, type StreamOptions } from "../transport/index.js";
import { OpeningSource } from "./opening-source.js";
import { Heard } from "./health/heard.js";
import { Liveness } from "./health/liveness.js";
import { OpenWork } from "./open-work.js";
import type { ResolvedOptions } from "./options.js";
import { type Lifetime, Probe } from "./health/probe.js";
import type { Seam } from "./session.js";
import { type Call, CallWaits, silentTimeout } from "./calls.js";
import { StateTracker } from "./health/state.js";
import { Route } from "./servers/route.js";
import { StatusFeed } from "./status-feed.js";
import { type CallHeader, Token } from "./token.js";
import { pingMethod, pingRequest } from "./wire.js";
import { setImmediate } from "../support/timers.js";

/** A stream that stayed open this long counts as authenticated even without data. */
const ADMITTED_MS = 10_000;

/**
 * The transport, the session, the calls and the open streams of a client, and the state derived
 * from them.
 */
export class Connection implements StreamHost {
  readonly clock: Clock;
  readonly random: () => number;
  readonly options: ResolvedOptions;
  readonly status: StatusFeed;
  readonly state: StateTracker;
  readonly route: Route;
  readonly #token: Token;
  readonly #liveness: Liveness | undefined;
  readonly #probe: Probe;
  readonly #work: OpenWork;
  readonly #waits: CallWaits;
  readonly #lastHeard: Heard;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedOptions, seam: Seam = {}) {
    this.options = options;
    this.status = new StatusFeed(options.clientId);
    this.state = new StateTracker(this.status, () => this.route.server.name);
    this.clock = seam.clock ?? systemClock;
    this.random = seam.random ?? Math.random;
    this.#waits = new CallWaits(this.clock);
    this.#work = new OpenWork(this.clock);
    this.#token = new Token(options.authToken);
    this.#lastHeard = new Heard(this.clock);
    this.route = new Route(options, seam, {
      onGoaway: () => this.#work.streams.forEach((stream) => stream.onGoAway?.()),
      onStatus: (status) => this.report(status),
    });
    // No deadline: the stream ends earlier, or the liveness check ends both.
    const ping = () => this.#ping("client.probe", 0);
    this.#probe = new Probe(this.clock, ping, () => this.#work.isOpen);
    if (options.keepalive !== false) {
      this.#liveness = new Liveness(options.keepalive, this.clock, {
        lastReceived: () => this.#lastHeard.lastMs,
        ping: (timeoutMs) => this.#ping("client.keepalive", timeoutMs),
        isUsed: () => this.#work.streams.size > 0 || this.#work.hasCalls,
        dead: () => void this.#lose(),
      });
    }
  }

  get reconnect(): false | ReconnectPolicy {
    return this.options.reconnect;
  }

  /**
   * Makes a unary call. Rejects with the caller's own reason when its signal aborts, else with a
   * KubeMQError.
   */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    call: Call,
  ): Promise<MessageShape<O>> {
    checkCallOptions(call, call.options);
    const { signal } = call.options ?? {};
    const timeoutMs = checkTimeout(call, call.options?.timeoutMs, call.timeoutMs ?? this.options.timeoutMs);
    const background = call.background === true;
    this.#work.admit(call, background || call.settles === true);
    if (signal?.aborted === true) throw signal.reason; // promise: call-aborted-before
    const controller = signal === undefined ? undefined : new AbortController();
    const unwatch = controller === undefined ? undefined : onAbort(signal, () => controller.abort(cancelled()));
    // promise: close-ignores-pings
    if (!background) {
      this.#work.beginCall();
      this.#liveness?.start(); // promise: calls-watched
    }
    this.state.began();
    const begun = this.clock.now();
    const deadline = timeoutMs === 0 ? Infinity : begun + timeoutMs;
    let repeats = 0;
    try {
      for (let leftMs = timeoutMs; ; leftMs = Math.max(1, Math.ceil(deadline - this.clock.now()))) {
        let header: CallHeader;
        const server = this.route.server.name;
        try {
          const known = this.#token.header();
          header = known instanceof Promise ? await this.#waits.inTime(known, call, leftMs, controller?.signal) : known;
          // A message is a valid init object of itself, which Connect's types do not accept without
          // a cast.
          const answer = this.route.transport().unary(method, controller?.signal, leftMs, header, request as never);
          const response = await this.#waits.untilClosed(answer, call);
          // Servers answer a ping without checking its token.
          this.#heard(method.name === pingMethod.name ? undefined : header); // promise: ping-proves-no-token
          return response.message;
        } catch (error) {
          if (controller?.signal.aborted === true) throw signal?.reason; // promise: call-abort-reason
          if (repeats < this.route.repeatsAfter(error) && !this.#work.isClosed) {
            this.route.leaveAfter(error, server);
            repeats += 1; // promise: unprocessed-call-repeated
            continue;
          }
          let failed = this.#failed(error, call, server);
          // A server that answers with the status "timeout" is alive.
          if (transportFault(error)?.kind === "deadline" && this.#lastHeard.lastMs < begun) {
            if (!background) this.#liveness?.checkNow(); // promise: timeout-checks-connection
            failed = silentTimeout(failed, call, this.#lastHeard.silence(server));
          }
          if (!this.#wantsFreshToken(failed, header)) throw failed; // promise: call-never-repeated
        }
      }
    } finally {
      unwatch?.();
      this.state.done();
      if (!background) this.#work.endCall();
    }
  }

  /** What to report about a call without an answer in this time, if nothing was received either. */
  silenceOf(timeoutMs: number): string | undefined {
    return this.#lastHeard.silenceOf(this.route.server.name, timeoutMs);
  }

  /** Ends a connection that does not answer. Its streams and calls move to a new one. */
  async #lose(): Promise<void> {
    const { timeoutMs } = this.options.keepalive as Keepalive;
    const text = `no answer to a ping within ${timeoutMs} ms: the connection to ${this.route.server.name} is dead`;
    await this.route.lose();
    this.state.lost(connectionLost({ operation: "client.keepalive" }, text)); // promise: dead-connection-in-state
  }

  #ping(operation: string, timeoutMs: number): Promise<unknown> {
    return this.unary(pingMethod, pingRequest, { operation, timeoutMs, background: true });
  }

  /**
   * Opens a streaming call immediately. The reader receives a KubeMQError when the call fails.
   * There is no deadline.
   *
   * @param server - the only server that the call may use, see {@link Connection.reach}
   */
  open<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    input: AsyncIterable<MessageShape<I>>,
    subject: Subject,
    server?: string,
  ): Source<MessageShape<O>> {
    this.state.began();
    const transport = this.route.transport(server);
    // A message is a valid init object of itself, which Connect's types do not accept without a
    // cast.
    const call = (header: CallHeader) => transport.open(method, input as never, this.#streamOptions(header, subject));
    const known = this.#token.header();
    if (!(known instanceof Promise)) return call(known);
    const waiting = new AbortController();
    const opening = this.#waits.inTime(known, subject, this.options.timeoutMs, waiting.signal).then(call, (error) => {
      this.state.done();
      throw waiting.signal.aborted ? error : this.#failed(error, subject, this.route.server.name);
    });
    return new OpeningSource(opening, () => waiting.abort());
  }

  #streamOptions(header: CallHeader, subject: Subject): StreamOptions {
    const askedAt = this.clock.now();
    const server = this.route.server.name;
    return {
      ...(header === undefined ? {} : { header }),
      timeoutMs: 0, // promise: stream-no-deadline
      onReceived: this.#heard,
      onError: (error) => {
        if (this.clock.now() - askedAt >= ADMITTED_MS) this.#token.accepted(header);
        const failed = this.#failed(error, subject, server);
        return this.#wantsFreshToken(failed, header) ? retryable(failed, subject) : failed;
      },
      onOver: () => this.state.done(),
    };
  }

  /** Called when the server has answered a call with this header. */
  readonly #heard = (header: CallHeader): void => {
    this.#lastHeard.received();
    this.#token.accepted(header);
    this.state.answered();
  };

  #failed(error: unknown, subject: Subject, server: string): KubeMQError {
    if (this.#work.isClosed) return clientClosed(subject);
    this.route.leaveAfter(error, server);
    const failed = toKubeMQError(error, subject);
    if (failed.code === "UNAVAILABLE") this.state.lost(failed);
    return failed;
  }

  /** Whether the server refused a token and a new token may help. */
  #wantsFreshToken(failed: KubeMQError, header: CallHeader): boolean {
    return isTokenRefused(failed) && this.#token.refused(header);
  }

  get isOpen(): boolean {
    return this.#work.isOpen;
  }

  /** Registers a stream. `awaited`: the stream counts in the client's state, unlike a publisher. */
  join(stream: HostedStream, subject: Subject, awaited = true): void {
    this.#work.admit(subject, false);
    this.#work.add(stream);
    if (awaited) this.state.joined(stream);
    this.#lastHeard.expect();
    this.#liveness?.start();
  }

  leave(stream: HostedStream): void {
    if (!this.#work.remove(stream)) return;
    this.state.left(stream);
    if (this.#work.streams.size === 0) this.#liveness?.stop(); // promise: idle-no-timer
  }

  up(stream: HostedStream): void {
    this.state.streamUp(stream);
  }

  down(stream: HostedStream, error: KubeMQError): void {
    this.state.streamDown(stream, error);
  }

  report(status: Status): void {
    this.status.publish(status);
  }

  probe(stream: Lifetime): Promise<void> {
    return this.#probe.ask(stream);
  }

  /** See `KubeMQClient.close`. */
  close(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    // promise: close-once
    this.#closed ??= outsideHandlers(() => this.#close(timeoutMs, signal));
    // A handler that waits for the end of the close would wait for itself.
    return isInHandler(this) ? Promise.resolve() : this.#closed; // promise: close-in-handler
  }

  #close(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    this.#work.startClosing();
    this.state.closing();
    return this.#work.finish(timeoutMs, signal, () => this.#end());
  }

  async #end(): Promise<void> {
    this.#work.end();
    this.#liveness?.stop();
    this.#waits.close();
    void this.route.abort(); // promise: close-ends-session
    await new Promise((resolve) => setImmediate(resolve));
    this.state.closed();
    this.status.end(); // promise: close-ends-status
  }
}
