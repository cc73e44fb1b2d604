import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  EventReceiveSchema,
  PingResultSchema,
  QueuesDownstreamRequestSchema,
  QueuesDownstreamRequestType,
  QueuesDownstreamResponseSchema,
  QueuesInfoResponseSchema,
  ReceiveQueueMessagesResponseSchema,
} from "../../gen/kubemq_pb.js";

/** The messages of the benchmark server, and the parts of requests that it reads. */

export function event(size: number): Uint8Array {
  return toBinary(
    EventReceiveSchema,
    create(EventReceiveSchema, {
      EventID: "0123456789abcdefghijkl",
      Channel: "bench.events",
      Body: new Uint8Array(size).fill(97),
    }),
  );
}

export const pong = toBinary(
  PingResultSchema,
  create(PingResultSchema, { Host: "bench", Version: "v2.4.0", ServerStartTime: 1n }),
);

const FIELD_1 = 0x0a;
const FIELD_2 = 0x12;
const FIELD_3 = 0x1a;
const SENT = 0x10;
const ERROR = 0x1a;

/**
 * The `EventID` of an `Event`, its first field; empty when missing. Contestants' ids are shorter
 * than 128 bytes.
 */
export function eventId(bytes: Buffer, start: number): Buffer {
  return bytes[start] === FIELD_1 ? bytes.subarray(start + 2, start + 2 + (bytes[start + 1] ?? 0)) : Buffer.alloc(0);
}

/**
 * Whether an `Event` has no channel. Servers refuse it; publishers send one to learn that
 * everything before it was processed.
 */
export function hasNoChannel(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  if (bytes[at] === FIELD_1) at = next(bytes, at);
  while (at < end && bytes[at] === FIELD_2) at = next(bytes, at);
  return at >= end || bytes[at] !== FIELD_3;
}

/** The offset behind a field of bytes with a tag of one byte. */
function next(bytes: Buffer, at: number): number {
  let length = 0;
  let shift = 0;
  for (at += 1; ; at += 1, shift += 7) {
    const byte = bytes[at] ?? 0;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) return at + 1 + length;
  }
}

const stored = Buffer.from([FIELD_2, 2, SENT, 1]);

/**
 * The response to a request on QueuesUpstream, whose messages are its field 2. Only the request has
 * an id, for the results are in the order of the messages.
 */
export function upstreamAnswer(bytes: Buffer, start: number, end: number): Uint8Array {
  const id = eventId(bytes, start);
  const parts = [Buffer.from([FIELD_1, id.length]), id];
  for (let at = next(bytes, start); at < end; at = next(bytes, at)) parts.push(stored);
  return Buffer.concat(parts);
}

const refusal = Buffer.from("no channel");

/** A `Result` for an event. `SendQueueMessageResult` has the same fields: id, and time of storage. */
export function result(id: Buffer, sent: boolean): Buffer {
  const rest = sent ? [SENT, 1] : [ERROR, refusal.length, ...refusal];
  return Buffer.concat([Buffer.from([FIELD_1, id.length]), id, Buffer.from(rest)]);
}

let sequence = 0n;

function queueMessage(Sequence: bigint) {
  return {
    MessageID: "0123456789abcdefghijkl",
    Channel: "bench.queue",
    Body: new Uint8Array(16).fill(97),
    Attributes: { Timestamp: 1_750_000_000_000_000_000n, Sequence, ReceiveCount: 1 },
  };
}

/**
 * The answer to a request on QueuesDownstream, or to the calls by which a consumer looks whether
 * messages wait; undefined for a successful settlement. Field 3 tells which request it is: a
 * number, the channel of a peek, or none.
 */
export function queueAnswer(bytes: Buffer, start: number, end: number): Uint8Array | undefined {
  let at = start;
  while (at < end && (bytes[at] === FIELD_1 || bytes[at] === FIELD_2)) at = next(bytes, at);
  if (at >= end) return queueCount;
  if (bytes[at] === FIELD_3) return peeked();
  const request = fromBinary(QueuesDownstreamRequestSchema, bytes.subarray(start, end));
  const { RequestID: RefRequestId, RequestTypeData } = request;
  if (RequestTypeData === QueuesDownstreamRequestType.Get) {
    const Messages = Array.from({ length: request.MaxItems }, () => queueMessage((sequence += 1n)));
    const response = { TransactionId: `t${sequence}`, RefRequestId, RequestTypeData, Messages };
    return toBinary(QueuesDownstreamResponseSchema, create(QueuesDownstreamResponseSchema, response));
  }
  if (RequestTypeData === QueuesDownstreamRequestType.ActiveOffsets) {
    const response = { TransactionId: request.RefTransactionId, RefRequestId, RequestTypeData };
    return toBinary(QueuesDownstreamResponseSchema, create(QueuesDownstreamResponseSchema, response));
  }
  return undefined;
}

/** A queue that is never empty. */
const queueCount = toBinary(
  QueuesInfoResponseSchema,
  create(QueuesInfoResponseSchema, {
    Info: { Queues: [{ Name: "bench.queue", Waiting: 1_000_000n, Subscribers: 1n }] },
  }),
);

function peeked(): Uint8Array {
  const response = { Messages: [queueMessage(sequence + 1n)], MessagesReceived: 1, IsPeak: true };
  return toBinary(ReceiveQueueMessagesResponseSchema, create(ReceiveQueueMessagesResponseSchema, response));
}
