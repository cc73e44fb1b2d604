import type { BrokerCore, ChannelService } from "./service.js";

export function queuesService(_core: BrokerCore): ChannelService {
  return {
    rpcs: {},
    close() {},
    channels: { list: () => [], create() {}, delete() {}, messages: () => ({}) },
  };
}
