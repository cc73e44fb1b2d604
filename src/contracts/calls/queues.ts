import type { QueuePublisher, QueuesClient } from "../../api/contracts/queues.js";
import type { CallOptions, StreamOptions } from "../../api/message.js";
import type { OutgoingQueueMessage } from "../../api/queue-message.js";
import type {
  BatchOptions,
  ConsumeOptions,
  ProcessOptions,
  QueuesClient as QueueCalls,
  QueuePublisher as QueueSending,
  ReceiveRequest,
} from "../../api/queues.js";
import { type AnyContract, isContract } from "../form.js";
import { messageOf, OPTIONS, requestOf } from "./resolve.js";

type Handler = Parameters<QueueCalls["process"]>[1];

/** Adds the calls with contracts to those without. */
export function queuesWithContracts(calls: QueueCalls): QueuesClient {
  const sendValue = async (contract: AnyContract, value: unknown, options?: CallOptions) =>
    calls.send(message("queues.send", contract, value), options);
  const sendValues = async (contract: AnyContract, values: readonly unknown[], options?: CallOptions) =>
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
    send: (first: OutgoingQueueMessage | AnyContract, second?: unknown, third?: CallOptions) =>
      isContract(first) ? sendValue(first, second, third) : calls.send(first, second as CallOptions),
    sendBatch: (first: readonly OutgoingQueueMessage[] | AnyContract, second?: unknown, third?: CallOptions) =>
      isContract(first)
        ? sendValues(first, second as readonly unknown[], third)
        : calls.sendBatch(first, second as CallOptions),
    publisher: (options) => publisherOf(calls.publisher(options)),
    receive: (first: ReceiveRequest<unknown> | AnyContract, options?: CallOptions) =>
      isContract(first) ? receiveFrom(first, options) : calls.receive(first, options),
    peek: (first: ReceiveRequest<unknown> | AnyContract, options?: CallOptions) =>
      isContract(first) ? peekAt(first, options) : calls.peek(first, options),
    consume(first: ConsumeOptions<unknown> | AnyContract, options?: StreamOptions) {
      if (!isContract(first)) return calls.consume(first, options);
      return calls.consume(...streaming<ConsumeOptions<unknown>>("queues.consume", first, options));
    },
    consumeBatches(first: BatchOptions<unknown> | AnyContract, options?: StreamOptions) {
      if (!isContract(first)) return calls.consumeBatches(first, options);
      return calls.consumeBatches(...streaming<BatchOptions<unknown>>("queues.consumeBatches", first, options));
    },
    process(first: ConsumeOptions | AnyContract, handler: Handler, given?: ProcessOptions) {
      if (!isContract(first)) return calls.process(first, handler, given);
      const operation = "queues.process";
      const [request, options] = requestOf<ConsumeOptions, ProcessOptions>(
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

function publisherOf(publisher: QueueSending): QueuePublisher {
  const sendValue = async (contract: AnyContract, value: unknown) =>
    publisher.send(message("queues.publisher", contract, value));
  return {
    send: (first: OutgoingQueueMessage | readonly OutgoingQueueMessage[] | AnyContract, value?: unknown) =>
      isContract(first) ? sendValue(first, value) : publisher.send(first),
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
