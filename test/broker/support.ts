import { createClient, type Client } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  kubemq,
  QueuesDownstreamRequestType,
  type QueuesDownstreamRequestSchema,
  type QueuesUpstreamRequestSchema,
  type StreamQueueMessagesRequestSchema,
  type QueueMessage,
  type QueueMessageSchema,
  type QueuesDownstreamResponse,
  type QueuesUpstreamResponse,
  type StreamQueueMessagesResponse,
} from "kubemq-es/gen";
import { Leftovers } from "../support/leftovers.js";
import { startBroker, ManualClock, type Broker, type BrokerOptions } from "kubemq-es/testing";

/** A bidirectional call from the client's side. */
export class Call<Request, Response> {
  readonly #requests: Request[] = [];
  readonly #abort = new AbortController();
  readonly #responses: AsyncIterator<Response>;
  #closed = false;
  #wake = () => {};

  constructor(open: (requests: AsyncIterable<Request>, options: { signal: AbortSignal }) => AsyncIterable<Response>) {
    this.#responses = open(this.#outgoing(), { signal: this.#abort.signal })[Symbol.asyncIterator]();
  }

  write(request: Request): void {
    this.#requests.push(request);
    this.#wake();
  }

  halfClose(): void {
    this.#closed = true;
    this.#wake();
  }

  cancel(): void {
    this.#abort.abort();
    // Handle the rejection of a call that was not read yet.
    this.#responses.next().catch(() => {});
  }

  async next(): Promise<Response> {
    const { value, done } = await this.#responses.next();
    if (done === true) throw new Error("the call has ended");
    return value;
  }

  /** Resolves when the call has ended without an error and without further messages. */
  async end(): Promise<void> {
    const { done } = await this.#responses.next();
    if (done !== true) throw new Error("the call goes on");
  }

  async *#outgoing(): AsyncGenerator<Request> {
    for (;;) {
      const next = this.#requests.shift();
      if (next !== undefined) yield next;
      else if (this.#closed) return;
      else
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
    }
  }
}

type Get = MessageInitShape<typeof QueuesDownstreamRequestSchema>;

/** A broker whose clock stands still, and a client to it. */
export class Bench {
  readonly clock: ManualClock;
  readonly broker: Broker;
  client: Client<typeof kubemq>;

  readonly #leftovers: Leftovers;

  private constructor(clock: ManualClock, broker: Broker, leftovers: Leftovers) {
    this.#leftovers = leftovers;
    this.clock = clock;
    this.broker = broker;
    this.client = this.connect();
  }

  /** A client on its own connection. */
  connect(): Client<typeof kubemq> {
    return createClient(kubemq, createGrpcTransport({ baseUrl: `http://${this.broker.address}` }));
  }

  static async start(options: BrokerOptions = {}): Promise<Bench> {
    const leftovers = new Leftovers();
    const clock = new ManualClock();
    return new Bench(clock, await startBroker({ ...options, clock }), leftovers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close();
    await this.#leftovers.check();
  }

  /** Sends messages whose ids are their bodies, and returns the errors. */
  async send(Channel: string, ids: readonly string[], more: MessageInitShape<typeof QueueMessageSchema> = {}) {
    const Messages = ids.map((id) => ({ MessageID: id, ClientID: "sender", Channel, Metadata: id, ...more }));
    const { Results } = await this.client.sendQueueMessagesBatch({ BatchID: "b", Messages });
    return Results.map(({ Error }) => Error);
  }

  /** Receives the waiting messages of a queue, in order. */
  async drain(Channel: string): Promise<QueueMessage[]> {
    const waiting = this.broker.stats().messages.queues[Channel] ?? 0;
    if (waiting === 0) return [];
    const request = { ClientID: "r", Channel, MaxNumberOfMessages: waiting, WaitTimeSeconds: 1 };
    const { Messages } = await this.client.receiveQueueMessages(request);
    return Messages;
  }

  stream(): Call<MessageInitShape<typeof StreamQueueMessagesRequestSchema>, StreamQueueMessagesResponse> {
    return new Call((requests, options) => this.client.streamQueueMessage(requests, options));
  }

  downstream(): Call<Get, QueuesDownstreamResponse> {
    return new Call((requests, options) => this.client.queuesDownstream(requests, options));
  }

  upstream(): Call<MessageInitShape<typeof QueuesUpstreamRequestSchema>, QueuesUpstreamResponse> {
    return new Call((requests, options) => this.client.queuesUpstream(requests, options));
  }

  /**
   * Waits until a number of timers is armed, which shows that this many requests have arrived and
   * wait.
   */
  timers(count: number): Promise<void> {
    return until(() => this.clock.timers === count, `${count} timers`);
  }

  /** Waits until no call and none of their resources are left. */
  async quiet(): Promise<void> {
    await until(() => Object.keys(this.broker.stats().streams).length === 0, "no streams");
    await this.timers(0);
  }
}

/** A poll request with the usual values of tests. */
export const get = (more: Get): Get => ({
  RequestID: "get",
  ClientID: "c",
  RequestTypeData: QueuesDownstreamRequestType.Get,
  MaxItems: 1,
  WaitTimeout: 1000,
  ...more,
});

export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/**
 * Whether a promise stays pending while other calls make the sockets deliver everything sent so
 * far.
 */
export async function isPending(promise: Promise<unknown>, { ping }: Client<typeof kubemq>): Promise<boolean> {
  const pending = Symbol();
  const calls = async () => {
    for (let call = 0; call < 5; call++) await ping({});
    return pending;
  };
  return (await Promise.race([promise, calls()])) === pending;
}

export const ids = (messages: readonly QueueMessage[]): string[] => messages.map(({ MessageID }) => MessageID);
