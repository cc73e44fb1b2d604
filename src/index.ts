export type { ChannelInfo, ChannelKind, ChannelStats, ChannelsClient } from "./channels.js";
export { KubeMQClient } from "./client.js";
export type { CommandRequest, CommandResult, CommandsClient } from "./commands.js";
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
export type { OutgoingQuery, QueriesClient, QueryAnswer, QueryRequest, QueryResult } from "./queries.js";
export type {
  IncomingRequest,
  OutgoingRequest,
  Reply,
  RequestOptions,
  RequestStreamOptions,
  ResponseInfo,
  Unanswered,
} from "./requests.js";
export type { ServerInfo } from "./server-info.js";
export type { ConnectionState, DiagnosticStatus, Status } from "./status.js";
export type { Subscription } from "./subscription.js";
export type {
  Activity,
  ActivityOutcome,
  ObservedClient,
  ObservedMessage,
  Observer,
  Operation,
  Telemetry,
} from "./telemetry.js";
export type {
  Delivery,
  DeliveryBatch,
  LeasedDelivery,
  OutgoingQueueMessage,
  QueueDetails,
  QueueMessage,
  QueuePolicy,
  QueuesInfo,
  SendResult,
  SentMessage,
  Settlement,
} from "./queue-message.js";
export type {
  BatchOptions,
  ConsumeOptions,
  LeaseOptions,
  ProcessOptions,
  PublisherOptions,
  ReceiveRequest,
} from "./queue-options.js";
export type { QueuePublisher, QueuesClient } from "./queues.js";
