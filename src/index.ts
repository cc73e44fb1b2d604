export type { ChannelInfo, ChannelKind, ChannelStats, ChannelsClient } from "./api/server.js";

export { KubeMQClient } from "./client.js";

export type { CommandRequest, CommandResult } from "./api/requests.js";

export type { CloudEvent, OutgoingCloudEvent } from "./api/cloud-event.js";

export type {
  Codec,
  Decoder,
  Encoder,
  MessageProperties,
  StandardIssue,
  StandardResult,
  StandardSchemaV1,
} from "./api/codec.js";

export {
  byContentType,
  bytes,
  cloudEvent,
  gzip,
  json,
  tagged,
  text,
  type ContentTypeOptions,
  type Decoded,
  type GzipOptions,
  type JsonOptions,
} from "./payload/index.js";

export { KubeMQError, type ErrorCode, type ErrorDetails, type Issue } from "./api/errors.js";

export type { ChannelFilter } from "./api/subscription.js";
export type { EventMessage } from "./api/events.js";

export type { ReplayRequest, StartPosition, StoredEvent, StoreSubscription } from "./api/events.js";

export { forEachConcurrent } from "./stream/for-each.js";

export type {
  CallOptions,
  HandlerOptions,
  Incoming,
  Outgoing,
  OutgoingMessage,
  Payload,
  StreamOptions,
} from "./api/message.js";

export type { AuthToken, ClientOptions, ConnectOptions, TlsOptions } from "./api/options.js";

export type {
  OutgoingQuery,
  QueryAnswer,
  QueryOutcome,
  QueryReply,
  QueryRequest,
  QueryResult,
} from "./api/requests.js";

export type {
  FailureReply,
  IncomingRequest,
  OutgoingRequest,
  Reply,
  RequestOptions,
  RequestStreamOptions,
  ResponseInfo,
  Unanswered,
} from "./api/requests.js";

export type { ServerInfo } from "./api/server.js";

export type { ConnectionState, DiagnosticStatus, Status } from "./api/status.js";

export type { Service, Subscription } from "./api/subscription.js";

export type {
  Activity,
  ActivityOutcome,
  ObservedClient,
  ObservedMessage,
  Observer,
  Operation,
  Telemetry,
} from "./api/telemetry.js";

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
} from "./api/queue-message.js";

export type {
  BatchOptions,
  ConsumeOptions,
  LeaseOptions,
  ProcessOptions,
  PublisherOptions,
  ReceiveRequest,
  RetryOptions,
} from "./api/queues.js";

export type { QueuePublisher, QueuesClient } from "./api/contracts/queues.js";
export type { EventPublisher, EventsClient, EventsStoreClient, SubscribeOptions } from "./api/contracts/events.js";
export type { CommandsClient, ContractQuery, QueriesClient, ResponderOptions } from "./api/contracts/requests.js";

export { channel } from "./contracts/channel.js";
export { events, store } from "./contracts/events.js";
export { queue } from "./contracts/queues.js";
export { command, query } from "./contracts/requests.js";

export type { ChannelParameter, ChannelTemplate, ChannelValues } from "./api/contracts/channel.js";
export type {
  CommandContract,
  CommandDetails,
  CommandPattern,
  ContractReply,
  ContractTemplate,
  EventsContract,
  EventsPattern,
  MessageDetails,
  QueryContract,
  QueryDetails,
  QueryPattern,
  QueueContract,
  QueueMessageDetails,
  StoreContract,
  WildcardTemplate,
} from "./api/contracts/contract.js";
