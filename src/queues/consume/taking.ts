import type { KubeMQError } from "../../api/errors.js";
import type { Subject } from "../../support/checks.js";
import type { WireQueueMessage } from "../wire.js";
import type { HeldMessage } from "../transactions/held.js";

/** What to take, and how. */
export interface Taking {
  readonly subject: Subject & { readonly channel: string };
  /** How many messages may be unsettled at once; of a batch, how many it may have. */
  readonly prefetch: number;
  readonly by: "message" | "batch";
  /** How long a batch may wait for more. */
  readonly waitMs: number;
  /** Whether the server acknowledges messages as it sends them. */
  readonly autoAck: boolean;
}

export interface TakerOwner {
  /** Messages came. `held` has one entry for each, and none when the server has acknowledged them. */
  taken(messages: readonly WireQueueMessage[], held: readonly HeldMessage[]): void;
  /** A poll was answered. */
  answered(): void;
  /** Something has changed in what is unsettled, or in flight. */
  changed(): void;
  failed(error: KubeMQError): void;
}
