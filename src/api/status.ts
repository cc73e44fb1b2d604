import type { KubeMQError } from "./errors.js";
import type { ChannelKind } from "./server.js";

/**
 * - `idle`: the client has not called the server yet, or the last call failed and no stream is open
 * - `connecting`: waiting for the first answer
 * - `ready`: the server answered the last call, and every open stream is up
 * - `reconnecting`: at least one stream is down and reconnecting
 * - `closing`, `closed`: `close()` was called
 */
export type ConnectionState = "idle" | "connecting" | "ready" | "reconnecting" | "closing" | "closed";

/** Connection and stream events of a client. */
export type Status =
  /** The client's state changed. `server`: the server in use or tried last, as `host:port`. */
  | {
      readonly type: "state";
      readonly state: ConnectionState;
      readonly previous: ConnectionState;
      readonly server: string;
      readonly error?: KubeMQError;
    }
  /**
   * A client with a list of servers has connected to `server`. `previous` is the server that it
   * used before; undefined for the first one.
   */
  | { readonly type: "server"; readonly server: string; readonly previous?: string }
  /**
   * The client has replaced a connection to `server`, because the server or a proxy has refused the
   * last `refusals` streams of it with ENHANCE_YOUR_CALM. The open streams of the old connection
   * continue. After each replacement, twice as many refusals are necessary for the next one.
   * `advice` contains the recommended action.
   */
  | { readonly type: "replaced"; readonly server: string; readonly refusals: number; readonly advice: string }
  /**
   * A stream was lost, and reconnects after the delay. Without `channel` and `kind`: `connect({
   * waitMs })` has not reached a server yet.
   */
  | {
      readonly type: "retry";
      readonly channel?: string;
      readonly kind?: ChannelKind;
      readonly attempt: number;
      readonly delayMs: number;
      readonly error: KubeMQError;
    }
  /**
   * Messages had no answer when their connection was lost, or no server could be reached. They are
   * sent again after the delay, because of the `resend` option: the server may have them twice.
   * Without `channel`: they have several channels.
   */
  | {
      readonly type: "resend";
      readonly operation: string;
      readonly channel?: string;
      readonly messages: number;
      readonly attempt: number;
      readonly delayMs: number;
      readonly error: KubeMQError;
    }
  /** A stream has recovered. `afterSequence`: where a store subscription continued. */
  | {
      readonly type: "resumed";
      readonly channel: string;
      readonly kind: ChannelKind;
      readonly downMs: number;
      readonly afterSequence?: bigint;
    }
  /**
   * A store subscription received another sequence than expected. `lost` false: the missing events
   * are fetched again. True: they are gone, for example by the server's retention, and the loop
   * continues. A sequence below the expected one: the channel was restarted. `server`: the client
   * has moved to this server, whose channel has another history; `expected` belongs to the server
   * before.
   */
  | {
      readonly type: "gap";
      readonly channel: string;
      readonly expected: bigint;
      readonly received: bigint;
      readonly lost: boolean;
      readonly server?: string;
    }
  /** A settlement failed after its promise had resolved. */
  | { readonly type: "settle-failed"; readonly channel: string; readonly sequence: bigint; readonly error: KubeMQError }
  /**
   * A handler of `handle` or `process` threw `error`, returned an unusable value, or still ran at
   * the end of the time to finish: then `error` is a `TIMEOUT`. `outcome`: a request is answered
   * with the error's message; a queue message is redelivered, sent to the dead-letter queue of the
   * `retry` option, or dropped.
   */
  | {
      readonly type: "handler-failed";
      readonly channel: string;
      readonly kind: ChannelKind;
      readonly id: string;
      readonly error: unknown;
      readonly outcome: "answered" | "retried" | "dead-lettered" | "dropped";
    }
  /**
   * A queue consumer has received nothing for `forMs` milliseconds, although the server counts
   * `waiting` messages that this consumer does not hold. Another consumer holds them, or the queue
   * is stuck, which can happen after a restart of the server. Reported once until the next message.
   * `advice` contains the recommended action.
   */
  | {
      readonly type: "stalled";
      readonly channel: string;
      readonly waiting: number;
      readonly forMs: number;
      readonly advice: string;
    }
  /**
   * A handler's response could not be sent: it was too late (`TIMEOUT`), or the server could not be
   * reached in time.
   */
  | {
      readonly type: "response-failed";
      readonly channel: string;
      readonly kind: ChannelKind;
      readonly requestId: string;
      readonly error: KubeMQError;
    }
  /**
   * The `telemetry` of the client threw in this hook. Messages and calls continue without it.
   * Reported once for each hook; `observe` runs in the constructor, so only the diagnostics channel
   * reports it.
   */
  | {
      readonly type: "telemetry-failed";
      readonly hook: "observe" | "begin" | "carry" | "run" | "end";
      readonly error: unknown;
    }
  /** This reader of the status was too slow: `dropped` entries were dropped, the oldest first. */
  | { readonly type: "overflow"; readonly dropped: number };

/**
 * The messages of the channel `kubemq-es:status` of `node:diagnostics_channel`: every status of
 * every client of the process.
 */
export interface DiagnosticStatus {
  /** The client's `clientId`. */
  readonly clientId: string;
  /** The status. */
  readonly status: Status;
}
