import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import type { KubeMQError } from "../errors.js";
import type { CallOptions } from "../message.js";
import { MAX_TIMER_MS, type ResolvedOptions } from "../options.js";
import { StatusFeed, type Status } from "../status.js";
import { onAbort } from "./abort.js";
import type { BackoffPolicy } from "./backoff.js";
import { checkTimeout, type Subject } from "./check.js";
import { systemClock, type Clock } from "./clock.js";
import { cancelled, clientClosed, fault, toKubeMQError } from "./fault.js";
import { Liveness } from "./liveness.js";
import { createSession } from "./session.js";
import { StateTracker } from "./state.js";
import type { HostedStream, StreamHost } from "./subscription.js";
import { Token, type CallHeader } from "./token.js";
import { batchesOf, createFastTransport, createStockTransport } from "./transport/index.js";
import { pingMethod, pingRequest } from "./wire.js";

/** What tests put in the place of the real thing. */
export interface Seam {
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** Connect's own transport is the reference that ours is tested and measured against. */
const createTransport = process.env["KUBEMQ_ES_TRANSPORT"] === "stock" ? createStockTransport : createFastTransport;

/** A unary call. */
export interface Call extends Subject {
  readonly options?: CallOptions | undefined;
  /** Overrules the client's time-out as the default. */
  readonly timeoutMs?: number;
  /** True for what finishes work that was accepted before a close, such as a response: allowed while the client closes. */
  readonly settles?: boolean;
}

/** Transport, session and calls; the streams that are open, and the state that follows from all of them. */
export class Connection implements StreamHost {
  readonly clock: Clock;
  readonly random: () => number;
  readonly options: ResolvedOptions;
  readonly status = new StatusFeed();
  readonly state = new StateTracker(this.status);
  readonly #transport: Transport;
  readonly #abortSession: (reason?: Error) => void;
  readonly #token: Token;
  readonly #liveness: Liveness | undefined;
  readonly #streams = new Set<HostedStream>();
  #phase: "open" | "closing" | "closed" = "open";
  #calls = 0;
  #onIdle: (() => void) | undefined;
  #lastReceived: number;
  #probe: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedOptions, seam: Seam = {}) {
    this.options = options;
    this.clock = seam.clock ?? systemClock;
    this.random = seam.random ?? Math.random;
    this.#token = new Token(options.authToken);
    this.#lastReceived = this.clock.now();
    if (seam.transport !== undefined) {
      this.#transport = seam.transport;
      this.#abortSession = () => {};
    } else {
      const sessionManager = createSession(options);
      this.#transport = createTransport({
        sessionManager,
        readMaxBytes: options.maxMessageBytes,
        writeMaxBytes: options.maxMessageBytes,
        connectTimeoutMs: options.connectTimeoutMs,
        connectionWindowBytes: options.flowControl.connectionBytes,
      });
      this.#abortSession = (reason) => sessionManager.abort(reason);
    }
    if (options.keepalive !== false) {
      this.#liveness = new Liveness(options.keepalive, this.clock, {
        lastReceived: () => this.#lastReceived,
        ping: (timeoutMs) => this.unary(pingMethod, pingRequest(), { operation: "client.keepalive", timeoutMs }),
        dead: () => this.#abortSession(),
      });
    }
  }

  get reconnect(): false | BackoffPolicy {
    return this.options.reconnect;
  }

  /** Makes a unary call. Rejects with the caller's own reason when its signal aborts, else with a KubeMQError. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    call: Call,
  ): Promise<MessageShape<O>> {
    const { signal } = call.options ?? {};
    const timeoutMs = checkTimeout(call, call.options?.timeoutMs, call.timeoutMs ?? this.options.timeoutMs);
    this.#admit(call, call.settles === true);
    if (signal?.aborted === true) throw signal.reason;
    const controller = signal === undefined ? undefined : new AbortController();
    const unwatch = controller === undefined ? undefined : onAbort(signal, () => controller.abort(cancelled()));
    this.#calls += 1;
    this.state.began();
    let header: CallHeader;
    try {
      for (;;) {
        try {
          const known = this.#token.header();
          header = known instanceof Promise ? await known : known;
          // The init form of a message is the message itself; Connect's types want to see it spelled out.
          const response = await this.#transport.unary(method, controller?.signal, timeoutMs, header, request as never);
          this.#heard();
          return response.message;
        } catch (error) {
          if (controller?.signal.aborted === true) throw signal?.reason;
          const failed = this.#failed(error, call, header);
          if (failed.code !== "UNAUTHENTICATED" || !failed.retryable) throw failed;
        }
      }
    } finally {
      unwatch?.();
      this.#calls -= 1;
      this.state.done();
      if (this.#calls === 0) this.#onIdle?.();
    }
  }

  /** Opens a streaming call at once, and gives what it receives in batches. Ends when the signal aborts. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    input: AsyncIterable<MessageShape<I>>,
    signal: AbortSignal,
    subject: Subject,
  ): AsyncIterable<readonly MessageShape<O>[]> {
    const source = this.#open(method, input, signal);
    source.catch(() => {}); // it is looked at when the stream is read; until then it must not end the process
    const next = async (): Promise<IteratorResult<readonly MessageShape<O>[], void>> => {
      let header: CallHeader;
      try {
        const opened = await source;
        header = opened.header;
        const result = await opened.iterator.next();
        if (result.done === true) return { done: true, value: undefined };
        this.#heard();
        return { done: false, value: result.value };
      } catch (error) {
        if (signal.aborted) throw toKubeMQError(error, subject); // our own doing says nothing about the server
        throw this.#failed(error, subject, header);
      }
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  async #open<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    input: AsyncIterable<MessageShape<I>>,
    signal: AbortSignal,
  ) {
    const header = await this.#token.header();
    const response = await this.#transport.stream(method, signal, 0, header, input as never);
    return { header, iterator: batchesOf(response.message)[Symbol.asyncIterator]() };
  }

  /** Refuses new work once the client closes. */
  #admit(subject: Subject, settles: boolean): void {
    if (this.#phase === "closed" || (this.#phase === "closing" && !settles)) throw clientClosed(subject);
  }

  #heard(): void {
    this.#lastReceived = this.clock.now();
    this.#token.accepted();
    this.state.answered();
  }

  #failed(error: unknown, subject: Subject, header: CallHeader): KubeMQError {
    if (this.#phase === "closed") return clientClosed(subject);
    const failed = toKubeMQError(error, subject);
    if (failed.code === "UNAVAILABLE") this.state.lost(failed);
    if (failed.code === "UNAUTHENTICATED" && this.#token.refused(header)) {
      return fault("UNAUTHENTICATED", subject, failed.message, { cause: failed, retryable: true });
    }
    return failed;
  }

  join(stream: HostedStream): void {
    this.#admit({ operation: "client.open" }, false);
    this.#streams.add(stream);
    this.state.began();
    this.#lastReceived = Math.max(this.#lastReceived, this.clock.now());
    this.#liveness?.start();
  }

  leave(stream: HostedStream): void {
    if (!this.#streams.delete(stream)) return;
    this.state.done();
    this.state.streamGone(stream);
    if (this.#streams.size === 0) this.#liveness?.stop();
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

  /** One ping answers for all streams that asked before it was sent. */
  probe(): Promise<void> {
    this.#probe ??= this.#sendProbe();
    return this.#probe;
  }

  async #sendProbe(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#probe = undefined; // who asks from now on needs a ping of its own
    await this.unary(pingMethod, pingRequest(), { operation: "client.probe", timeoutMs: MAX_TIMER_MS });
  }

  /** See `KubeMQClient.close`. */
  close(timeoutMs: number): Promise<void> {
    this.#closed ??= this.#close(timeoutMs);
    return this.#closed;
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#phase = "closing";
    this.state.closing();
    let cancelTimer = () => {};
    const bound = new Promise<void>((resolve) => (cancelTimer = this.clock.setTimer(timeoutMs, resolve)));
    const idle = () => (this.#calls === 0 ? undefined : new Promise<void>((resolve) => (this.#onIdle = resolve)));
    const finished = Promise.all([...this.#streams].map((stream) => stream.close())).then(idle);
    await Promise.race([finished, bound]);
    cancelTimer();
    this.#phase = "closed";
    this.#liveness?.stop();
    for (const stream of this.#streams) stream.cancel();
    this.#abortSession();
    this.state.closed();
    this.status.end();
  }
}
