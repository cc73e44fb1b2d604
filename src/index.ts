export type { ChannelInfo, ChannelKind, ChannelStats, ChannelsClient } from "./api/server.js";

export { KubeMQClient } from "./client.js";
export { type Environment, optionsFromEnv } from "./env.js";

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
  type JsonInput,
  type JsonOptions,
} from "./payload/index.js";

export { KubeMQError, type ErrorCode, type ErrorDetails, type Issue } from "./api/errors.js";

export type { Service, SubscribeRequest, Subscription } from "./api/subscription.js";

export type {
  EventKind,
  EventMessage,
  PublishedEvent,
  ReplayRequest,
  StartPosition,
  StoredEvent,
  StoreSubscribeRequest,
  StoreSubscription,
} from "./api/events.js";

export { forEachConcurrent } from "./stream/for-each.js";

export type {
  AbortOptions,
  CallOptions,
  EventPublisherOptions,
  HandlerOptions,
  Incoming,
  Outgoing,
  OutgoingMessage,
  Payload,
  ResendOptions,
  SendOptions,
  StreamOptions,
} from "./api/message.js";

export type { SentAs } from "./api/sent-as.js";

export type {
  AuthToken,
  ClientOptions,
  CloseOptions,
  ConnectOptions,
  FlowControlOptions,
  KeepaliveOptions,
  ReconnectOptions,
  TlsOptions,
  TokenProvider,
} from "./api/options.js";

export type { CommandResponse, CommandResult, IncomingCommand, OutgoingCommand } from "./api/requests/commands.js";
export type {
  HandleQueryRequest,
  IncomingQuery,
  OutgoingQuery,
  QueryCache,
  QueryOutcome,
  QueryReply,
  QueryResponse,
  QueryResult,
} from "./api/requests/queries.js";
export type {
  IncomingRequest,
  OutgoingRequest,
  RequestOptions,
  RequestStreamOptions,
  Unanswered,
} from "./api/requests/request.js";
export type { FailedResponse, FailureReply, Reply, ResponseInfo } from "./api/requests/response.js";

export type { ServerInfo } from "./api/server.js";

export type { ConnectionState, DiagnosticStatus, Status } from "./api/status.js";

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
  DeadLetterPolicy,
  Delivery,
  DeliveryBatch,
  LeasedDelivery,
  OutgoingQueueMessage,
  QueueDetails,
  QueueMessage,
  QueuePolicy,
  QueuesInfo,
  RefusedMessage,
  SendResult,
  SentMessage,
  Settlement,
} from "./api/queues/message.js";

export type {
  AckAllRequest,
  BatchRequest,
  ConsumeRequest,
  Lease,
  LeaseRequest,
  OnDeliveryRequest,
  ProcessLeaseRequest,
  ProcessOptions,
  ProcessRequest,
  PublisherOptions,
  QueueRequest,
  ReceiveRequest,
  RetryDelay,
  RetryOptions,
} from "./api/queues/requests.js";

export type {
  ContractOptions,
  QueueContractCalls,
  QueueContractSending,
  QueuePublisher,
  QueuesClient,
} from "./api/contracts/queues.js";
export type {
  ContractPublishing,
  EventContractCalls,
  EventPublisher,
  EventsClient,
  EventsStoreClient,
  PublishContract,
  StoreContractCalls,
  SubscribeOptions,
} from "./api/contracts/events.js";
export type {
  AnswerTo,
  CheckedHandle,
  CommandContractCalls,
  CommandsClient,
  ContractQuery,
  QueriesClient,
  QueryContractCalls,
  QueryFor,
  QueryOverloads,
  ResponderOptions,
} from "./api/contracts/requests.js";
export type { Overloads } from "./api/contracts/overloads.js";

// The calls without contracts.
export type {
  EventsClient as EventCalls,
  EventPublisher as EventPublishing,
  EventsStoreClient as StoreCalls,
} from "./api/events.js";
export type { CommandsClient as CommandCalls } from "./api/requests/commands.js";
export type { QueriesClient as QueryCalls } from "./api/requests/queries.js";
export type { QueuesClient as QueueCalls, QueuePublisher as QueueSending } from "./api/queues/client.js";

export { channel } from "./contracts/channel.js";
export { events, store } from "./contracts/events.js";
export { queue } from "./contracts/queues.js";
export { command, query } from "./contracts/requests.js";

export type {
  ChannelParameter,
  ChannelTemplate,
  ChannelValues,
  HasWholeParameters,
  HasWildcards,
  IsWhole,
  PlainName,
} from "./api/contracts/channel.js";
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
} from "./api/contracts/contract.js";
