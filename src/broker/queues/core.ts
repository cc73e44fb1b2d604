import type { BrokerCore } from "../service.js";
import type { QueueStore } from "./store.js";

/** What the queue RPCs build on. */
export interface QueueCore extends BrokerCore {
  readonly store: QueueStore;
}
