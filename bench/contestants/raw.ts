import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { connect, constants } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import {
  EmptySchema,
  EventReceiveSchema,
  EventSchema,
  PingResultSchema,
  QueuesDownstreamRequestSchema,
  QueuesDownstreamResponseSchema,
  QueueMessageSchema,
  ResultSchema,
  SendQueueMessageResultSchema,
  SubscribeSchema,
} from "../../gen/kubemq_pb.js";
import { WINDOW } from "../loads.js";
import { bodyOf, byPort, CHANNEL, eventOf, plainBody, PollLoop, queueMessageOf, repeat } from "./contestant.js";
import type { Contestant } from "./contestant.js";

/** node:http2 with frames split by hand, and protobuf-es: the limit without a gRPC library. */
export function raw(): Contestant {
  const sessionTo = byPort(connectTo);
  const open = (port: number, method: string) => openOn(sessionTo(port), method);
  return {
    receive(port, count) {
      return new Promise((resolve) => {
        const stream = subscribeOn(sessionTo(port));
        let received = 0;
        split(stream, (bytes) => {
          fromBinary(EventReceiveSchema, bytes);
          if (++received !== count) return;
          setImmediate(() => stream.close(constants.NGHTTP2_CANCEL));
          resolve();
        });
      });
    },

    send(port, size, count, answered) {
      return new Promise((resolve) => {
        const stream = open(port, "SendEventsStream");
        const body = bodyOf(size);
        let sent = 0;
        let received = 0;
        let full = false;
        const mayGoOn = () => !answered || sent - received < WINDOW;
        const pump = () => {
          while (!full && sent < count && mayGoOn()) {
            full = !stream.write(envelope(toBinary(EventSchema, create(EventSchema, eventOf(sent++, body)))));
          }
          if (sent === count) stream.end();
        };
        stream.on("drain", () => {
          full = false;
          pump();
        });
        split(stream, (bytes) => {
          fromBinary(ResultSchema, bytes);
          received++;
          if (sent < count) pump();
        });
        stream.on("end", resolve);
        pump();
      });
    },

    unary(port, count, atOnce) {
      const request = toBinary(EmptySchema, create(EmptySchema));
      const call = () => callOn(open(port, "Ping"), request, (bytes) => fromBinary(PingResultSchema, bytes));
      return repeat(count, atOnce, call);
    },

    plain(port, pattern, count, atOnce) {
      let sent = 0;
      const queueMessage = () => {
        const request = toBinary(QueueMessageSchema, create(QueueMessageSchema, queueMessageOf(sent++, plainBody)));
        const read = (bytes: Buffer) => fromBinary(SendQueueMessageResultSchema, bytes);
        return callOn(open(port, "SendQueueMessage"), request, read);
      };
      const storedEvent = () => {
        const event = create(EventSchema, { ...eventOf(sent++, plainBody), Store: true });
        return callOn(open(port, "SendEvent"), toBinary(EventSchema, event), (bytes) =>
          fromBinary(ResultSchema, bytes),
        );
      };
      return repeat(count, atOnce, pattern === "queue" ? queueMessage : storedEvent);
    },

    poll(port, count) {
      return new Promise((resolve) => {
        const stream = open(port, "QueuesDownstream");
        const loop = new PollLoop(count, (request) => {
          const message = create(QueuesDownstreamRequestSchema, request);
          stream.write(envelope(toBinary(QueuesDownstreamRequestSchema, message)));
        });
        split(stream, (bytes) => {
          if (!loop.onAnswer(fromBinary(QueuesDownstreamResponseSchema, bytes))) return;
          setImmediate(() => stream.close(constants.NGHTTP2_CANCEL));
          resolve(loop.times);
        });
        loop.start();
      });
    },
  };
}

/** A session with the same windows as this package's. */
export function connectTo(port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1024 * 1024 } });
  session.once("connect", (connected) => connected.setLocalWindowSize(2 * 1024 * 1024));
  return session;
}

export function openOn(session: ClientHttp2Session, method: string): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": `/kubemq.kubemq/${method}`,
    "content-type": "application/grpc+proto",
    te: "trailers",
  });
  stream.on("error", () => {}); // a lost connection is noticed because the round never ends
  return stream;
}

/** Makes a unary call on a new stream. */
function callOn(stream: ClientHttp2Stream, request: Uint8Array, read: (bytes: Buffer) => unknown): Promise<void> {
  return new Promise((resolve) => {
    split(stream, read);
    stream.on("end", resolve);
    stream.end(envelope(request));
  });
}

export function subscribeOn(session: ClientHttp2Session): ClientHttp2Stream {
  const stream = openOn(session, "SubscribeToEvents");
  stream.end(envelope(toBinary(SubscribeSchema, create(SubscribeSchema, { Channel: CHANNEL }))));
  return stream;
}

export function envelope(bytes: Uint8Array): Buffer {
  const result = Buffer.allocUnsafe(5 + bytes.length);
  result[0] = 0;
  result.writeUInt32BE(bytes.length, 1);
  result.set(bytes, 5);
  return result;
}

function split(stream: ClientHttp2Stream, onMessage: (bytes: Buffer) => void): void {
  let needed = 5;
  let chunks: Buffer[] = [];
  let held = 0;
  stream.on("data", (chunk: Buffer) => {
    if (held + chunk.length < needed) {
      chunks.push(chunk);
      held += chunk.length;
      return;
    }
    const bytes = held === 0 ? chunk : Buffer.concat([...chunks, chunk]);
    let at = 0;
    needed = 5;
    while (bytes.length - at >= 5) {
      const size = bytes.readUInt32BE(at + 1);
      if (bytes.length - at - 5 < size) {
        needed = 5 + size;
        break;
      }
      onMessage(bytes.subarray(at + 5, at + 5 + size));
      at += 5 + size;
    }
    chunks = at === bytes.length ? [] : [bytes.subarray(at)];
    held = bytes.length - at;
  });
}
