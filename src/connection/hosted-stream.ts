import type { KubeMQError } from "../api/errors.js";
import type { Status } from "../api/status.js";
import type { ReconnectPolicy } from "../support/time/backoff.js";
import type { Lifetime } from "./health/probe.js";
import type { Clock } from "../support/time/clock.js";

/** What the engine needs of the connection. */
export interface StreamHost {
  readonly clock: Clock;
  readonly reconnect: false | ReconnectPolicy;
  random(): number;
  /** Registers a stream, or throws CLIENT_CLOSED. `awaited`: something is to come of it by itself, unlike of a publisher. */
  join(stream: HostedStream, awaited?: boolean): void;
  leave(stream: HostedStream): void;
  /** The stream works: something was received, or a ping behind its request was answered. */
  up(stream: HostedStream): void;
  down(stream: HostedStream, error: KubeMQError): void;
  /** Resolves when the server has answered a ping sent after now. */
  probe(stream: Lifetime): Promise<void>;
  report(status: Status): void;
}

export interface HostedStream {
  /** Stops; resolves when everything that was accepted is done. */
  close(): Promise<void>;
  /** Lets go of everything at once: the client's time to close is over. */
  cancel(): void;
  /** The server has asked its connection to leave (GOAWAY): streams may stay on it for a while, new ones go to the next one. */
  moveOn?(): void;
}
