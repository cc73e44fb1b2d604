import type { PatternChannels } from "../../service.js";
import { noTraffic } from "../../service.js";
import type { QueueStore } from "./store.js";

/** The queues as channel management and the broker's statistics see them. */
export function queueChannels(store: QueueStore): PatternChannels {
  return {
    *list() {
      for (const queue of store.list()) {
        const { waiting, held, consumers, lastActivity, expired, ...stats } = queue.stats();
        yield {
          name: queue.name,
          lastActivity,
          depth: waiting + held,
          consumers,
          isActive: consumers + held > 0,
          incoming: {
            ...noTraffic(),
            messages: stats.lastSequence,
            volume: stats.sentBytes,
            waiting: waiting + held,
            expired,
            delayed: store.delayed(queue.name),
          },
          outgoing: { ...noTraffic(), messages: stats.delivered, volume: stats.deliveredBytes },
        };
      }
    },
    create(name) {
      store.queue(name);
    },
    delete: (name) => store.delete(name),
    messages: () =>
      Object.fromEntries(
        store.list().flatMap((queue) => {
          const { waiting, held } = queue.stats();
          return waiting + held === 0 ? [] : [[queue.name, waiting + held]];
        }),
      ),
  };
}
