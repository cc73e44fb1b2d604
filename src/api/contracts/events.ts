import type {
  EventKind,
  EventsClient as EventCalls,
  EventMessage,
  EventPublisher as EventPublishing,
  PublishedEvent,
  ReplayRequest,
  StoreSubscribeRequest,
  EventsStoreClient as StoreCalls,
  StoreSubscription,
} from "../events.js";
import type { AbortOptions, EventPublisherOptions, OutgoingMessage, SendOptions, StreamOptions } from "../message.js";
import type { SentAs } from "../sent-as.js";
import type { Subscription } from "../subscription.js";
import type { ContractBase, EventsContract, EventsPattern, MessageDetails, StoreContract } from "./contract.js";
import type { Overloads } from "./overloads.js";

/** Options of a subscription to a contract. */
export interface SubscribeOptions extends StreamOptions {
  /**
   * The group of this member. Each message goes to one member of the group. Default: no group,
   * every message.
   */
  readonly group?: string | undefined;
}

/** A contract of events or stored events, as their publishers accept it. */
export interface PublishContract<T, A = T, Kind extends EventKind = EventKind> extends ContractBase<Kind> {
  /** An event with an id, tags or metadata. */
  message(value: A, details?: MessageDetails): OutgoingMessage<A> & SentAs<Kind>;
}

/** Publishes the values of contracts over a separate stream. */
export interface ContractPublishing<Receipt, Kind extends EventKind = EventKind> {
  /**
   * Publishes the value as an event of the contract.
   *
   * @throws {KubeMQError} ENCODE_FAILED when the codec refuses the value; INVALID_ARGUMENT for an
   *   invalid argument
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer, as without a contract
   */
  publish<T, A>(contract: PublishContract<T, A, Kind>, value: NoInfer<A>): Promise<Receipt>;
  /**
   * Publishes the values of an iterable as events of the contract.
   *
   * @throws {KubeMQError} ENCODE_FAILED when the codec refuses the value; INVALID_ARGUMENT for an
   *   invalid argument
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer, as without a contract
   */
  publishAll<T, A>(
    contract: PublishContract<T, A, Kind>,
    values: Iterable<NoInfer<A>> | AsyncIterable<NoInfer<A>>,
    options?: AbortOptions,
  ): Promise<number>;
}

/** Calls with contracts made by {@link events}. */
export interface EventContractCalls {
  /**
   * Publishes the value as an event of the contract.
   *
   * @throws {KubeMQError} ENCODE_FAILED when the codec refuses the value; INVALID_ARGUMENT for an
   *   invalid argument
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer, as without a contract
   * @example
   * await client.events.publish(orderPlaced, { id: "7", total: 12 });
   */
  publish<T, A>(contract: EventsContract<T, A>, value: NoInfer<A>, options?: SendOptions): Promise<void>;
  /**
   * Subscribes to the events of the contract, which may be a pattern.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  subscribe<T, A>(contract: EventsPattern<T, A>, options?: SubscribeOptions): Subscription<EventMessage<T>>;
}

/** Calls with contracts made by {@link store}. */
export interface StoreContractCalls {
  /**
   * Publishes the value as a stored event of the contract.
   *
   * @throws {KubeMQError} ENCODE_FAILED when the codec refuses the value; INVALID_ARGUMENT for an
   *   invalid argument
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer, as without a contract
   * @example
   * await client.eventsStore.publish(ledger, { account: "7", cents: -250 });
   */
  publish<T, A>(contract: StoreContract<T, A>, value: NoInfer<A>, options?: SendOptions): Promise<PublishedEvent>;
  /**
   * Subscribes to the stored events of the contract.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * for await (const entry of client.eventsStore.subscribe(ledger, { start: { from: "first" } })) {
   *   balance += entry.value.cents;
   * }
   */
  subscribe<T, A>(
    contract: StoreContract<T, A>,
    options: SubscribeOptions & Pick<StoreSubscribeRequest, "start">,
  ): StoreSubscription<T>;
  /**
   * Reads the stored events of the contract from a start position to their end.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  replay<T, A>(
    contract: StoreContract<T, A>,
    options: Omit<ReplayRequest, "channel" | "codec"> & StreamOptions,
  ): StoreSubscription<T>;
}

/** Events: delivered at most once, to all current subscribers. */
export interface EventsClient extends Overloads<EventContractCalls, EventCalls, "publish"> {
  /**
   * Opens a stream to publish many events.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * await using publisher = client.events.publisher();
   * for (const reading of readings) await publisher.publish({ channel: "sensors.kitchen", body: reading });
   * ```
   */
  publisher(options?: EventPublisherOptions): EventPublisher<void, "events">;
}

/** Events store: the server keeps the events, and they can be read from any position. */
export interface EventsStoreClient extends Overloads<StoreContractCalls, StoreCalls, "publish"> {
  /**
   * Opens a stream to publish many events and receive the server's answer to each. They are stored
   * in the order of the calls.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * await using publisher = client.eventsStore.publisher();
   * await publisher.publish({ channel: "audit", body: "signed in" });
   * ```
   */
  publisher(options?: EventPublisherOptions): EventPublisher<PublishedEvent, "eventsStore">;
}

/** Publishes events over its own stream, many times faster than the client's `publish()`. */
export interface EventPublisher<Receipt, Kind extends EventKind = EventKind> extends Overloads<
  ContractPublishing<Receipt, Kind>,
  EventPublishing<Receipt, Kind>,
  "publish" | "publishAll"
> {}
