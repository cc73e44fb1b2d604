import type { BrokerCore } from "../../service.js";
import type { GiveBack, PollConnections } from "../calls/poll-connections.js";
import type { QueueStore } from "./store.js";

/** The common dependencies of the queue RPCs. */
export interface QueueCore extends BrokerCore {
  readonly store: QueueStore;
  /** Shared by polls and leases; undefined where each has its own. */
  readonly connections: PollConnections | undefined;
  /**
   * Waits for the connection that the receives on a queue share; undefined where each has its own.
   */
  readonly receiveTurn: ((queue: string) => Promise<GiveBack>) | undefined;
  /** Aborted when the broker forgets its queues: ends polls whose calls are long over. */
  readonly forgotten: AbortSignal;
}
