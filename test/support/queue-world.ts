import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { overConnect } from "./connect-streams.js";
import { createRouterTransport, type ServiceImpl } from "@connectrpc/connect";
import { KubeMQClient, type ClientOptions, type QueueMessage, type Status, type Subscription } from "kubemq-es";
import {
  kubemq,
  PingResultSchema,
  QueueMessageSchema,
  QueuesDownstreamRequestType,
  QueuesDownstreamResponseSchema,
  type QueueMessage as WireQueueMessage,
  type QueuesDownstreamRequest,
  type QueuesDownstreamResponse,
} from "kubemq-es/gen";
import { startBroker, type Broker, type BrokerOptions } from "kubemq-es/testing";
import type { Clock } from "../../src/support/time/clock.js";
import { Leftovers } from "./leftovers.js";
import { SkippingClock } from "./skipping-clock.js";
import { until } from "./until.js";

/** A broker and a client of it, with the recorded status events of the client. */
export class QueueWorld implements AsyncDisposable {
  readonly broker: Broker;
  readonly client: KubeMQClient;
  readonly status: Status[] = [];

  readonly #clock: SkippingClock;
  readonly #leftovers: Leftovers;

  private constructor(broker: Broker, client: ClientOptions, clock: SkippingClock, leftovers: Leftovers) {
    this.broker = broker;
    this.#leftovers = leftovers;
    this.#clock = clock;
    this.client = this.another(client);
    void this.#follow();
  }

  static async start(broker: BrokerOptions = {}, client: ClientOptions = {}): Promise<QueueWorld> {
    const leftovers = new Leftovers();
    const clock = new SkippingClock();
    const started = await startBroker({ port: 0, clock: clock.forBroker, ...broker });
    return new QueueWorld(started, client, clock, leftovers);
  }

  /** Another client of the same broker. */
  another(options: ClientOptions = {}): KubeMQClient {
    return new KubeMQClient({ address: this.broker.address, ...options }, { clock: this.#clock.forClients });
  }

  /** Lets time pass for the broker and its clients. */
  async pass(ms: number): Promise<void> {
    await this.#clock.pass(ms);
  }

  /** Sends bodies in order. */
  async fill(channel: string, bodies: readonly string[]): Promise<void> {
    for (let from = 0; from < bodies.length; from += 1_000) {
      await this.client.queues.sendBatch(bodies.slice(from, from + 1_000).map((body) => ({ channel, body })));
    }
  }

  /** The bodies waiting in a queue, in order, without those that are held. */
  async waiting(channel: string): Promise<string[]> {
    return (await this.peek(channel)).map((message) => message.text());
  }

  /** The messages waiting in a queue, in order, without those that are held. */
  peek(channel: string): Promise<QueueMessage[]> {
    return this.afterWait(this.client.queues.peek({ channel, max: 1_024 }));
  }

  /** The outcome of a call that the server lets wait, for messages or for its end: that time passes at once. */
  async afterWait<T>(call: Promise<T>, seconds = 1): Promise<T> {
    const rpcs = ["ReceiveQueueMessages", "AckAllQueueMessages"];
    const waits = until("the server lets the call wait", () => rpcs.some((rpc) => this.streams(rpc) > 0));
    await Promise.race([call, waits]);
    await this.pass(seconds * 1_000);
    return call;
  }

  streams(rpc: string): number {
    return this.broker.stats().streams[rpc] ?? 0;
  }

  settleFailures(): string[] {
    return this.status.flatMap((status) => (status.type === "settle-failed" ? [status.error.code] : []));
  }

  async #follow(): Promise<void> {
    for await (const status of this.client.status()) this.status.push(status);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close({ timeoutMs: 500 });
    await this.#leftovers.checkCalls(this.broker);
    await this.broker.close();
    await this.#leftovers.check();
  }
}

/** Receives the first message of a consumer, whose loop then waits in its body. */
export async function first<T>(subscription: Subscription<T>): Promise<T> {
  const { value } = await subscription[Symbol.asyncIterator]().next();
  if (value === undefined) throw new Error("the loop ended");
  return value;
}

export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, at) => String(at));
}

/** A client whose server is scripted by the test, call by call. */
export function playedBy(server: Partial<ServiceImpl<typeof kubemq>>, options: ClientOptions = {}, clock?: Clock) {
  const transport = createRouterTransport((router) => {
    router.service(kubemq, { ping: () => create(PingResultSchema, { Host: "played" }), ...server });
  });
  // Injecting a transport is not part of the public type.
  const Client = KubeMQClient as unknown as new (options: ClientOptions, seam: object) => KubeMQClient;
  return new Client(options, { transport: overConnect(transport), ...(clock === undefined ? {} : { clock }) });
}

/** Scripts a bidirectional call: observes each request, and responds at any time. */
export function playedCall<Request, Response>(
  requests: AsyncIterable<Request>,
  hear: (request: Request, say: (response: Response) => void) => void,
): { readonly say: (response: Response) => void; readonly responses: AsyncGenerator<Response> } {
  const said: Response[] = [];
  let wake = () => {};
  const say = (response: Response) => {
    said.push(response);
    wake();
  };
  void (async () => {
    for await (const request of requests) hear(request, say);
  })().catch(() => {});
  const responses = (async function* () {
    for (;;) {
      const next = said.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  })();
  return { say, responses };
}

export function wireMessage(sequence: number, body = `m${sequence}`): WireQueueMessage {
  return create(QueueMessageSchema, {
    MessageID: `id${sequence}`,
    Channel: "q",
    Body: Buffer.from(body),
    Attributes: { Sequence: BigInt(sequence), ReceiveCount: 1, Timestamp: 1_700_000_000_000_000_000n },
  });
}

/** The response to a request on QueuesDownstream, with the type of the request by default. */
export function answer(
  request: QueuesDownstreamRequest,
  init: MessageInitShape<typeof QueuesDownstreamResponseSchema> = {},
): QueuesDownstreamResponse {
  return create(QueuesDownstreamResponseSchema, {
    TransactionId: request.RefTransactionId === "" ? `t${request.RequestID}` : request.RefTransactionId,
    RefRequestId: request.RequestID,
    RequestTypeData: request.RequestTypeData,
    ...(init as object),
  });
}

export const Type = QueuesDownstreamRequestType;
