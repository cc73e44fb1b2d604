import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { connect, constants } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import {
  EmptySchema,
  EventReceiveSchema,
  EventSchema,
  PingResultSchema,
  ResultSchema,
  SubscribeSchema,
} from "../../gen/kubemq_pb.js";
import type { Contestant } from "../contestant.js";
import { WINDOW } from "../loads.js";
import { eventOf } from "./connect.js";

/** node:http2 with frames split by hand and protobuf-es: what there is to be had without a gRPC library. */
export function raw(): Contestant {
  const sessions = new Map<number, ClientHttp2Session>();
  const open = (port: number, method: string): ClientHttp2Stream => {
    let session = sessions.get(port);
    if (session === undefined) {
      session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1024 * 1024 } });
      session.once("connect", (connected) => connected.setLocalWindowSize(2 * 1024 * 1024));
      sessions.set(port, session);
    }
    return session.request({
      ":method": "POST",
      ":path": `/kubemq.kubemq/${method}`,
      "content-type": "application/grpc+proto",
      te: "trailers",
    });
  };
  return {
    receive(port, count) {
      return new Promise((resolve) => {
        const stream = open(port, "SubscribeToEvents");
        stream.end(envelope(toBinary(SubscribeSchema, create(SubscribeSchema, { Channel: "c" }))));
        let received = 0;
        stream.on("error", () => {});
        split(stream, (bytes) => {
          fromBinary(EventReceiveSchema, bytes);
          if (++received !== count) return;
          stream.close(constants.NGHTTP2_CANCEL);
          resolve();
        });
      });
    },

    send(port, size, count, answered) {
      return new Promise((resolve) => {
        const stream = open(port, "SendEventsStream");
        const body = new Uint8Array(size).fill(97);
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

    async unary(port, count, atOnce) {
      let left = count;
      const call = () =>
        new Promise<void>((resolve) => {
          const stream = open(port, "Ping");
          split(stream, (bytes) => fromBinary(PingResultSchema, bytes));
          stream.on("end", resolve);
          stream.end(envelope(toBinary(EmptySchema, create(EmptySchema))));
        });
      const worker = async () => {
        while (left-- > 0) await call();
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    },
  };
}

function envelope(bytes: Uint8Array): Buffer {
  const result = Buffer.allocUnsafe(5 + bytes.length);
  result[0] = 0;
  result.writeUInt32BE(bytes.length, 1);
  result.set(bytes, 5);
  return result;
}

function split(stream: ClientHttp2Stream, onMessage: (bytes: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  let needed = 5;
  let chunks: Buffer[] = [];
  let held = 0;
  stream.on("data", (chunk: Buffer) => {
    if (held + chunk.length < needed) {
      chunks.push(chunk);
      held += chunk.length;
      return;
    }
    rest = held === 0 ? chunk : Buffer.concat([...chunks, chunk]);
    let at = 0;
    needed = 5;
    while (rest.length - at >= 5) {
      const size = rest.readUInt32BE(at + 1);
      if (rest.length - at - 5 < size) {
        needed = 5 + size;
        break;
      }
      onMessage(rest.subarray(at + 5, at + 5 + size));
      at += 5 + size;
    }
    rest = rest.subarray(at);
    chunks = rest.length === 0 ? [] : [rest];
    held = rest.length;
  });
}
