import type { EventPublisher, EventsClient, EventsStoreClient } from "../../api/contracts/events.js";
import type {
  EventsClient as EventCalls,
  EventPublisher as EventPublishing,
  EventsStoreClient as StoreCalls,
  ReplayRequest,
  StoreSubscribeRequest,
} from "../../api/events.js";
import type {
  AbortOptions,
  EventPublisherOptions,
  OutgoingMessage,
  SendOptions,
  StreamOptions,
} from "../../api/message.js";
import type { SubscribeRequest } from "../../api/subscription.js";
import { checkArguments, checkIterable, refusedArguments } from "../../support/names/arguments.js";
import { isContract, type AnyContract } from "../form.js";
import { mapped, type Values } from "./mapped.js";
import { messageOf, OPTIONS, refusedOptions, requestOf } from "./resolve.js";

/** Adds the calls with contracts to those without. */
export function eventsWithContracts(calls: EventCalls): EventsClient {
  return {
    ...calls,
    ...publishing(calls, "events"),
    subscribe(first: SubscribeRequest<unknown> | AnyContract, options?: StreamOptions) {
      if (!isContract(first)) {
        checkArguments("events.subscribe", "request", first, options);
        return calls.subscribe(first, options);
      }
      const [filter, stream] = requestOf<SubscribeRequest<unknown>, StreamOptions>(
        "events.subscribe",
        "events",
        first,
        OPTIONS.stream,
        options,
      );
      return calls.subscribe(filter, stream);
    },
  } as EventsClient;
}

type StoreFilter = StoreSubscribeRequest<unknown>;

/** Adds the calls with contracts to those without. */
export function storeWithContracts(calls: StoreCalls): EventsStoreClient {
  const kind = "eventsStore";
  return {
    ...calls,
    ...publishing(calls, kind),
    subscribe(first: StoreFilter | AnyContract, options?: StreamOptions) {
      const operation = "eventsStore.subscribe";
      if (!isContract(first)) {
        checkArguments(operation, "request", first, options);
        return calls.subscribe(first, options);
      }
      const [filter, stream] = requestOf<StoreFilter, StreamOptions>(operation, kind, first, OPTIONS.stream, options);
      return calls.subscribe(filter, stream);
    },
    replay(first: ReplayRequest<unknown> | AnyContract, options?: StreamOptions) {
      const operation = "eventsStore.replay";
      if (!isContract(first)) {
        checkArguments(operation, "request", first, options);
        return calls.replay(first, options);
      }
      const [request, stream] = requestOf<ReplayRequest<unknown>, StreamOptions>(
        operation,
        kind,
        first,
        OPTIONS.stream,
        options,
      );
      return calls.replay(request, stream);
    },
  } as EventsStoreClient;
}

interface Publishing<Receipt> {
  publish(message: OutgoingMessage, options?: SendOptions): Promise<Receipt>;
  publisher(options?: EventPublisherOptions): EventPublishing<Receipt>;
}

function publishing<Receipt>(calls: Publishing<Receipt>, kind: "events" | "eventsStore") {
  const operation = `${kind}.publish`;
  const publishValue = async (contract: AnyContract, value: unknown, options?: SendOptions) => {
    const message = messageOf<OutgoingMessage>(operation, kind, contract, value);
    checkArguments(operation, "message", message, options);
    return calls.publish(message, options);
  };
  return {
    publish: (first: OutgoingMessage | AnyContract, second?: unknown, third?: SendOptions) =>
      isContract(first)
        ? publishValue(first, second, third)
        : (refusedArguments(operation, "message", first, second) ?? calls.publish(first, second as SendOptions)),
    publisher: (options?: EventPublisherOptions) => publisherOf(calls.publisher(options), kind),
  };
}

type Messages = Iterable<OutgoingMessage> | AsyncIterable<OutgoingMessage>;

function publisherOf<Receipt>(
  publisher: EventPublishing<Receipt>,
  kind: "events" | "eventsStore",
): EventPublisher<Receipt> {
  const operation = `${kind}.publish`;
  const publishValue = async (contract: AnyContract, value: unknown) =>
    publisher.publish(messageOf(operation, kind, contract, value));
  return {
    publish: (first: OutgoingMessage | AnyContract, value?: unknown) =>
      isContract(first)
        ? publishValue(first, value)
        : (refusedArguments(operation, "message", first, undefined) ??
          refusedOptions(operation, value) ??
          publisher.publish(first)),
    publishAll: async (first: Messages | AnyContract, second?: unknown, third?: AbortOptions) => {
      if (!isContract(first)) {
        checkIterable(operation, "messages", first, second);
        return publisher.publishAll(first, second as AbortOptions);
      }
      checkIterable(operation, "values", second, third);
      const messages = mapped(second as Values, (value) => messageOf<OutgoingMessage>(operation, kind, first, value));
      return publisher.publishAll(messages, third);
    },
    flush: () => publisher.flush(),
    close: () => publisher.close(),
    [Symbol.asyncDispose]: () => publisher[Symbol.asyncDispose](),
  } as EventPublisher<Receipt>;
}
