/** The contracts of `kubemq-es`, without its client. */

export { channel } from "./channel.js";
export { events, store } from "./events.js";
export { queue } from "./queues.js";
export { command, query } from "./requests.js";

export type {
  ChannelParameter,
  ChannelTemplate,
  ChannelValues,
  HasWholeParameters,
  HasWildcards,
  IsWhole,
  PlainName,
} from "../api/contracts/channel.js";
export type {
  CommandContract,
  CommandDetails,
  CommandPattern,
  ContractBase,
  Contracted,
  ContractReply,
  ContractTemplate,
  EventsContract,
  EventsPattern,
  MessageDetails,
  PatternContracted,
  QueryContract,
  QueryDetails,
  QueryPattern,
  QueueContract,
  QueueMessageDetails,
  StoreContract,
  WildcardTemplate,
} from "../api/contracts/contract.js";
