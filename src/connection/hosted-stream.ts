import type { KubeMQError } from "../api/errors.js";
import type { Status } from "../api/status.js";
import type { ReconnectPolicy } from "../support/time/backoff.js";
import type { Subject } from "../support/checks.js";
import type { Lifetime } from "./health/probe.js";
import type { Clock } from "../support/time/clock.js";

/** The part of the connection that streams use. */
export interface StreamHost {
  readonly clock: Clock;
  readonly reconnect: false | ReconnectPolicy;
  /** Whether the client has not begun to close. */
  readonly isOpen: boolean;
  random(): number;
  /**
   * Registers a stream, or throws CLIENT_CLOSED for the subject. `awaited` (default true): the
   * stream counts in the client's state. A publisher does not, because the server sends nothing on
   * it unasked.
   */
  join(stream: HostedStream, subject: Subject, awaited?: boolean): void;
  leave(stream: HostedStream): void;
  /**
   * Reports that the stream works: it received data, or the server answered a ping sent behind its
   * request.
   */
  up(stream: HostedStream): void;
  down(stream: HostedStream, error: KubeMQError): void;
  /** Resolves when the server has answered a ping sent after this call. */
  probe(stream: Lifetime): Promise<void>;
  report(status: Status): void;
}

export interface HostedStream {
  /** Stops the stream. Resolves when all accepted work is done. */
  close(): Promise<void>;
  /** Releases everything immediately, at the end of the client's time to close. */
  cancel(): void;
  /**
   * Called when the server has asked the connection to leave (GOAWAY). Existing streams may stay
   * for a while; new streams use the next connection.
   */
  onGoAway?(): void;
}
