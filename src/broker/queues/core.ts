import type { BrokerCore } from "../service.js";
import type { PollConnections } from "./poll-connections.js";
import type { QueueStore } from "./store.js";

/** What the queue RPCs build on. */
export interface QueueCore extends BrokerCore {
  readonly store: QueueStore;
  /** Shared by polls and leases; undefined where each has its own. */
  readonly connections: PollConnections | undefined;
  /** Aborted when the broker forgets its queues: ends polls whose calls are long over. */
  readonly forgotten: AbortSignal;
}
