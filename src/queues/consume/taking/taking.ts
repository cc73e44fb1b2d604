import type { KubeMQError } from "../../../api/errors.js";
import type { Subject } from "../../../support/checks.js";
import type { WireQueueMessage } from "../../wire.js";
import type { HeldMessage } from "../../transactions/held.js";

/** Which messages to take, and how. */
export interface Taking {
  readonly subject: Subject & { readonly channel: string };
  /** Maximum unsettled messages; for batches, the maximum size of one batch. */
  readonly prefetch: number;
  readonly by: "message" | "batch";
  /** Size of a poll for messages that are not known to wait. */
  readonly least: number;
  /** Maximum milliseconds that a batch waits for more messages. */
  readonly waitMs: number;
  /** Whether the server acknowledges messages when it sends them. */
  readonly autoAck: boolean;
}

export interface PollSchedulerOwner {
  /**
   * Delivers messages. `held` has one entry per message, and none for messages acknowledged by the
   * server.
   */
  taken(messages: readonly WireQueueMessage[], held: readonly HeldMessage[]): void;
  /** A poll was answered. */
  answered(): void;
  /** The set of unsettled messages or of polls in flight has changed. */
  changed(): void;
  failed(error: KubeMQError): void;
}
