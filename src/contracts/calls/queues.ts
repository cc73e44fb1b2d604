import type { QueuePublisher, QueuesClient } from "../../api/contracts/queues.js";
import type { AbortOptions, CallOptions, SendOptions, StreamOptions } from "../../api/message.js";
import type { OutgoingQueueMessage } from "../../api/queues/message.js";
import type { QueuesClient as QueueCalls, QueuePublisher as QueueSending } from "../../api/queues/client.js";
import type {
  BatchRequest,
  ConsumeRequest,
  ProcessOptions,
  ProcessRequest,
  ReceiveRequest,
} from "../../api/queues/requests.js";
import { type AnyContract, isContract } from "../form.js";
import { mapped, type Values } from "./mapped.js";
import { messageOf, OPTIONS, refusedOptions, requestOf } from "./resolve.js";

type Handler = Parameters<QueueCalls["process"]>[1];

/** Adds the calls with contracts to those without. */
export function queuesWithContracts(calls: QueueCalls): QueuesClient {
  const sendValue = async (contract: AnyContract, value: unknown, options?: SendOptions) =>
    calls.send(message("queues.send", contract, value), options);
  const sendValues = async (contract: AnyContract, values: readonly unknown[], options?: SendOptions) =>
    calls.sendBatch(
      values.map((value) => message("queues.sendBatch", contract, value)),
      options,
    );
  const receiveFrom = async (contract: AnyContract, options: unknown) =>
    calls.receive(...receiving("queues.receive", contract, options));
  const peekAt = async (contract: AnyContract, options: unknown) =>
    calls.peek(...receiving("queues.peek", contract, options));
  return {
    ...calls,
    send: (first: OutgoingQueueMessage | AnyContract, second?: unknown, third?: SendOptions) =>
      isContract(first) ? sendValue(first, second, third) : calls.send(first, second as SendOptions),
    sendBatch: (first: readonly OutgoingQueueMessage[] | AnyContract, second?: unknown, third?: SendOptions) =>
      isContract(first)
        ? sendValues(first, second as readonly unknown[], third)
        : calls.sendBatch(first, second as SendOptions),
    publisher: (options) => publisherOf(calls.publisher(options)),
    receive: (first: ReceiveRequest<unknown> | AnyContract, options?: CallOptions) =>
      isContract(first) ? receiveFrom(first, options) : calls.receive(first, options),
    peek: (first: ReceiveRequest<unknown> | AnyContract, options?: CallOptions) =>
      isContract(first) ? peekAt(first, options) : calls.peek(first, options),
    consume(first: ConsumeRequest<unknown> | AnyContract, options?: StreamOptions) {
      if (!isContract(first)) return calls.consume(first, options);
      return calls.consume(...streaming<ConsumeRequest<unknown>>("queues.consume", first, options));
    },
    consumeBatches(first: BatchRequest<unknown> | AnyContract, options?: StreamOptions) {
      if (!isContract(first)) return calls.consumeBatches(first, options);
      return calls.consumeBatches(...streaming<BatchRequest<unknown>>("queues.consumeBatches", first, options));
    },
    process(first: ProcessRequest | AnyContract, handler: Handler, given?: ProcessOptions) {
      if (!isContract(first)) return calls.process(first, handler, given);
      const operation = "queues.process";
      const [request, options] = requestOf<ProcessRequest, ProcessOptions>(
        operation,
        "queues",
        first,
        OPTIONS.process,
        given,
      );
      return calls.process(request, handler, options);
    },
  } as QueuesClient;
}

type Messages = Values<OutgoingQueueMessage>;

function publisherOf(publisher: QueueSending): QueuePublisher {
  const operation = "queues.publisher";
  const sendValue = async (contract: AnyContract, value: unknown) =>
    publisher.send(message(operation, contract, value));
  const sendValues = async (contract: AnyContract, values: readonly unknown[]) =>
    publisher.sendBatch(values.map((value) => message(operation, contract, value)));
  return {
    send: (first: OutgoingQueueMessage | AnyContract, value?: unknown) =>
      isContract(first) ? sendValue(first, value) : (refusedOptions(operation, value) ?? publisher.send(first)),
    sendBatch: (first: readonly OutgoingQueueMessage[] | AnyContract, values?: readonly unknown[]) =>
      isContract(first)
        ? sendValues(first, values ?? [])
        : (refusedOptions(operation, values) ?? publisher.sendBatch(first)),
    sendAll: (first: Messages | AnyContract, second?: unknown, third?: AbortOptions) =>
      isContract(first)
        ? publisher.sendAll(
            mapped(second as Values, (value) => message(operation, first, value)),
            third,
          )
        : publisher.sendAll(first, second as AbortOptions),
    flush: () => publisher.flush(),
    close: () => publisher.close(),
    [Symbol.asyncDispose]: () => publisher[Symbol.asyncDispose](),
  } as QueuePublisher;
}

function message(operation: string, contract: AnyContract, value: unknown): OutgoingQueueMessage {
  return messageOf(operation, "queues", contract, value);
}

function receiving(operation: string, contract: AnyContract, options: unknown) {
  return requestOf<ReceiveRequest<unknown>, CallOptions>(operation, "queues", contract, OPTIONS.call, options);
}

function streaming<Request>(operation: string, contract: AnyContract, options: unknown) {
  return requestOf<Request, StreamOptions>(operation, "queues", contract, OPTIONS.stream, options);
}
