import type { PlainPattern } from "../loads.js";

/** The loads that a contestant can run. Each method resolves after its stream has ended. */
export interface Contestant {
  /** Subscribes and receives `count` events. */
  receive(port: number, count: number): Promise<void>;
  /**
   * Publishes `count` events on one stream. With answers, at most {@link WINDOW} events are
   * unanswered.
   */
  send(port: number, size: number, count: number, answered: boolean): Promise<void>;
  /** Makes `count` unary calls, `atOnce` at a time. */
  unary(port: number, count: number, atOnce: number): Promise<void>;
  /** Sends `count` messages of 100 bytes, each by a call of its own, `atOnce` at a time. */
  plain(port: number, pattern: PlainPattern, count: number, atOnce: number): Promise<void>;
  /**
   * Polls a queue `count` times for one message, and acks it with confirmation. Returns the
   * duration of each round in milliseconds.
   */
  poll(port: number, count: number): Promise<number[]>;
}

export const CLIENT_ID = "bench-client";
export const CHANNEL = "bench.events";
export const QUEUE = "bench.queue";

export function bodyOf(size: number): Buffer {
  return Buffer.alloc(size, 97);
}

/** Under load, a community server (v2.4.0) sometimes loses the answer to a send over a stream. */
export const MAY_LOSE = 10;

/** The body of a plain send. */
export const plainBody = bodyOf(100);

/** A queue message in the form that the generated code of every contestant accepts. */
export function queueMessageOf<Body extends Uint8Array>(n: number, body: Body) {
  return {
    MessageID: `message-${n}`,
    ClientID: CLIENT_ID,
    Channel: QUEUE,
    Metadata: "",
    Body: body,
    Tags: {},
    Attributes: undefined,
    Policy: undefined,
    Topic: "",
    Partition: 0,
    PartitionKey: "",
  };
}

/** An event in the form that the generated code of every contestant accepts. */
export function eventOf<Body extends Uint8Array>(n: number, body: Body) {
  return {
    EventID: `event-${n}`,
    ClientID: CLIENT_ID,
    Channel: CHANNEL,
    Metadata: "",
    Body: body,
    Store: false,
    Tags: {},
  };
}

const GET = 1;
const ACK_RANGE = 3;
const ACTIVE_OFFSETS = 8;

function downstreamRequest(RequestID: string, RequestTypeData: number) {
  return {
    RequestID,
    ClientID: CLIENT_ID,
    RequestTypeData,
    Channel: "",
    MaxItems: 0,
    WaitTimeout: 0,
    AutoAck: false,
    ReQueueChannel: "",
    SequenceRange: [] as bigint[],
    RefTransactionId: "",
    Metadata: {},
  };
}

/** The request of a poll on QueuesDownstream. */
export function pollRequest(id: string) {
  return { ...downstreamRequest(id, GET), Channel: QUEUE, MaxItems: 1, WaitTimeout: 1000 };
}

/**
 * An ack, and a request whose answer shows that the ack was processed: the server does not confirm
 * acks.
 */
export function ackRequests(id: string, transaction: string, sequence: bigint) {
  return [
    { ...downstreamRequest(`${id}a`, ACK_RANGE), RefTransactionId: transaction, SequenceRange: [sequence] as bigint[] },
    { ...downstreamRequest(`${id}b`, ACTIVE_OFFSETS), RefTransactionId: transaction },
  ];
}

/** The poll loop over a stream. Records the duration of each poll with its ack. */
export class PollLoop {
  readonly times: number[] = [];
  private started = performance.now();
  private readonly count: number;
  private readonly write: (request: ReturnType<typeof pollRequest>) => void;

  constructor(count: number, write: (request: ReturnType<typeof pollRequest>) => void) {
    this.count = count;
    this.write = write;
  }

  start(): void {
    this.started = performance.now();
    this.write(pollRequest(`${this.times.length}`));
  }

  /** Handles an answer. True after the last ack was confirmed. */
  onAnswer(answer: {
    readonly TransactionId: string;
    readonly Messages: readonly { readonly Attributes?: { readonly Sequence: bigint } | undefined }[];
  }): boolean {
    const message = answer.Messages[0];
    if (message !== undefined) {
      const sequence = message.Attributes?.Sequence ?? 0n;
      for (const request of ackRequests(`${this.times.length}`, answer.TransactionId, sequence)) this.write(request);
      return false;
    }
    this.times.push(performance.now() - this.started);
    if (this.times.length === this.count) return true;
    this.start();
    return false;
  }
}

/** Runs a call `count` times, `atOnce` at a time. At most `mayFail` calls may fail. */
export async function repeat(count: number, atOnce: number, call: () => Promise<unknown>, mayFail = 0): Promise<void> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      try {
        await call();
      } catch (error) {
        if (mayFail-- <= 0) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Creates one instance per port, at first use. */
export function byPort<T>(open: (port: number) => T): (port: number) => T {
  const opened = new Map<number, T>();
  return (port) => {
    let found = opened.get(port);
    if (found === undefined) opened.set(port, (found = open(port)));
    return found;
  };
}
