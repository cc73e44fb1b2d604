import type { AbortOptions, CallOptions, SendOptions, StreamOptions } from "../message.js";
import type {
  Delivery,
  DeliveryBatch,
  LeasedDelivery,
  QueueMessage,
  SendResult,
  SentMessage,
  Settlement,
} from "../queues/message.js";
import type { QueuesClient as QueueCalls, QueuePublisher as QueueSending } from "../queues/client.js";
import type {
  BatchRequest,
  ConsumeRequest,
  LeaseRequest,
  OnDeliveryRequest,
  ProcessLeaseRequest,
  ProcessOptions,
  ProcessRequest,
  PublisherOptions,
  ReceiveRequest,
} from "../queues/requests.js";
import type { Service, Subscription } from "../subscription.js";
import type { QueueContract } from "./contract.js";
import type { Overloads } from "./overloads.js";

/** The options of a request without the properties that the contract has. */
export type ContractOptions<Request> = Omit<Request, "channel" | "codec">;

/** Sends the values of contracts over a separate stream. */
export interface QueueContractSending {
  /**
   * Sends the value as a message of the contract.
   *
   * @throws {KubeMQError} ENCODE_FAILED when the codec refuses the value; INVALID_ARGUMENT for an
   *   invalid argument
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer, as without a contract
   */
  send<T, A>(contract: QueueContract<T, A>, value: NoInfer<A>): Promise<SentMessage>;
  /**
   * Sends several values together, as messages of the contract.
   *
   * @throws {KubeMQError} ENCODE_FAILED when the codec refuses the value; INVALID_ARGUMENT for an
   *   invalid argument
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer, as without a contract
   */
  sendBatch<T, A>(contract: QueueContract<T, A>, values: readonly NoInfer<A>[]): Promise<SendResult[]>;
  /**
   * Sends the values of an iterable as messages of the contract.
   *
   * @throws {KubeMQError} ENCODE_FAILED when the codec refuses the value; INVALID_ARGUMENT for an
   *   invalid argument
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer, as without a contract
   */
  sendAll<T, A>(
    contract: QueueContract<T, A>,
    values: Iterable<NoInfer<A>> | AsyncIterable<NoInfer<A>>,
    options?: AbortOptions,
  ): Promise<number>;
}

/** Calls with contracts made by {@link queue}. */
export interface QueueContractCalls {
  /**
   * Sends the value as a message of the contract.
   *
   * @throws {KubeMQError} ENCODE_FAILED when the codec refuses the value; INVALID_ARGUMENT for an
   *   invalid argument
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer, as without a contract
   * @example
   * await client.queues.send(mails, { to: "ada@example.com" });
   */
  send<T, A>(contract: QueueContract<T, A>, value: NoInfer<A>, options?: SendOptions): Promise<SentMessage>;
  /**
   * Sends several values together, as messages of the contract.
   *
   * @throws {KubeMQError} ENCODE_FAILED when the codec refuses the value; INVALID_ARGUMENT for an
   *   invalid argument
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer, as without a contract
   * @example
   * await client.queues.sendBatch(mails, [{ to: "ada@example.com" }, { to: "grace@example.com" }]);
   */
  sendBatch<T, A>(
    contract: QueueContract<T, A>,
    values: readonly NoInfer<A>[],
    options?: SendOptions,
  ): Promise<SendResult[]>;
  /**
   * Takes messages of the contract, which the server acknowledges before they arrive.
   *
   * @throws {KubeMQError} UNAVAILABLE when the connection is lost before the answer: messages may
   *   be lost
   */
  receive<T, A>(
    contract: QueueContract<T, A>,
    options?: ContractOptions<ReceiveRequest> & CallOptions,
  ): Promise<QueueMessage<T>[]>;
  /**
   * Shows messages of the contract without receiving them.
   *
   * @throws {KubeMQError} UNAVAILABLE when the connection is lost before the answer
   */
  peek<T, A>(
    contract: QueueContract<T, A>,
    options?: ContractOptions<ReceiveRequest> & CallOptions,
  ): Promise<QueueMessage<T>[]>;
  /**
   * Consumes the messages of the contract, each held under the server's visibility timer.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @throws {KubeMQError} UNSUPPORTED in the loop, when the server has no leases
   */
  consume<T, A>(
    contract: QueueContract<T, A>,
    options: ContractOptions<LeaseRequest> & StreamOptions,
  ): Subscription<LeasedDelivery<T>>;
  /**
   * Consumes the messages of the contract, which the server acknowledges when it sends them.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  consume<T, A>(
    contract: QueueContract<T, A>,
    options: ContractOptions<OnDeliveryRequest> & StreamOptions,
  ): Subscription<QueueMessage<T>>;
  /**
   * Consumes the messages of the contract.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * for await (const mail of client.queues.consume(mails, { prefetch: 8 })) {
   *   await deliver(mail.value);
   *   await mail.ack();
   * }
   */
  consume<T, A>(
    contract: QueueContract<T, A>,
    options?: (ContractOptions<ConsumeRequest> | ContractOptions<LeaseRequest>) & StreamOptions,
  ): Subscription<Delivery<T>>;
  /**
   * Consumes the messages of the contract in batches.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  consumeBatches<T, A>(
    contract: QueueContract<T, A>,
    options: ContractOptions<BatchRequest> & StreamOptions,
  ): Subscription<DeliveryBatch<T>>;
  /**
   * Calls `handler` for every message of the contract, held under the server's visibility timer.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  process<T, A>(
    contract: QueueContract<T, A>,
    handler: (message: LeasedDelivery<T>) => void | Settlement | Promise<void | Settlement>,
    options: ContractOptions<ProcessLeaseRequest> & ProcessOptions<LeasedDelivery<T>>,
  ): Service;
  /**
   * Calls `handler` for every message of the contract, and settles the message with its outcome.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * await using service = client.queues.process(mails, (mail) => deliver(mail.value), { concurrency: 8 });
   */
  process<T, A>(
    contract: QueueContract<T, A>,
    handler: (message: Delivery<T>) => void | Settlement | Promise<void | Settlement>,
    options?: (ContractOptions<ProcessRequest> | ContractOptions<ProcessLeaseRequest>) & ProcessOptions<Delivery<T>>,
  ): Service;
}

/** Queues: each message is processed by one consumer. */
export interface QueuesClient extends Overloads<QueueContractCalls, QueueCalls, "send" | "sendBatch"> {
  /**
   * Opens a stream to send many messages.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * await using publisher = client.queues.publisher();
   * await Promise.all(jobs.map((body) => publisher.send({ channel: "jobs", body })));
   * ```
   */
  publisher(options?: PublisherOptions): QueuePublisher;
}

/**
 * Sends to queues over its own stream, with more unanswered messages than the client's `send()`.
 */
export interface QueuePublisher extends Overloads<QueueContractSending, QueueSending, keyof QueueContractSending> {}
