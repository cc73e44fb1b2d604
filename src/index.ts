export type { ChannelKind } from "./channels.js";
export { KubeMQClient } from "./client.js";
export { bytes, json, text, type Codec, type StandardResult, type StandardSchemaV1 } from "./codec.js";
export { KubeMQError, type ErrorCode, type ErrorDetails } from "./errors.js";
export type { ChannelFilter, EventMessage, EventPublisher, EventsClient } from "./events.js";
export type {
  EventsStoreClient,
  ReplayRequest,
  StartPosition,
  StoredEvent,
  StoreSubscription,
} from "./events-store.js";
export { forEachConcurrent } from "./for-each.js";
export type { ServerInfo } from "./internal/wire.js";
export type {
  CallOptions,
  HandlerOptions,
  Incoming,
  Outgoing,
  OutgoingMessage,
  Payload,
  StreamOptions,
} from "./message.js";
export type { AuthToken, ClientOptions, TlsOptions } from "./options.js";
export type { ConnectionState, Status } from "./status.js";
export type { Subscription } from "./subscription.js";
