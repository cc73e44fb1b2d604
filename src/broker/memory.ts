import type { ServiceImpl } from "@connectrpc/connect";
import type { kubemq } from "../../gen/kubemq_pb.js";
import { pingService } from "./ping.js";
import { queuesService } from "./queues-service.js";
import type { BrokerCore, Rpcs } from "./service.js";

/** What the broker knows, and loses when it restarts without its memory. */
export interface Memory {
  readonly rpcs: Rpcs;
  readonly held: () => HeldMessages;
  close(): void;
}

/** Messages that the broker keeps, by channel. Channels without any are left out. */
export interface HeldMessages {
  readonly eventsStore: Readonly<Record<string, number>>;
  readonly queues: Readonly<Record<string, number>>;
}

export function createMemory(core: BrokerCore): Memory {
  const queues = queuesService(core);
  const services = [pingService(core), queues];
  const rpcs: Partial<ServiceImpl<typeof kubemq>> = Object.assign({}, ...services.map((service) => service.rpcs));
  return {
    rpcs,
    held: () => ({ eventsStore: {}, queues: queues.channels.messages() }),
    close() {
      for (const service of services) service.close();
    },
  };
}
