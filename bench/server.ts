/**
 * A server that speaks just enough HTTP/2 and gRPC, from prepared bytes, to be no part of what is measured.
 *
 * What it does depends on the port and not on the request, so that it need not read header blocks: one port for each
 * kind of call. Like a grpc-go server it sends one DATA frame a message.
 */
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { EventReceiveSchema, PingResultSchema, ResultSchema } from "../gen/kubemq_pb.js";

const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const WINDOW_UPDATE = 8;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
const PREFACE_BYTES = 24;
const OUR_WINDOW = 64 * 1024 * 1024;

export type Kind = "receive" | "echo" | "sink" | "unary";

export interface Ports {
  readonly receive: Readonly<Record<number, number>>;
  readonly echo: number;
  readonly sink: number;
  readonly unary: number;
}

/** Body sizes that a subscription can be asked for, a port each. */
export const BODY_SIZES = [16, 1024, 65_536] as const;

interface Call {
  window: number;
  /** What is left to be sent of a subscription. */
  next: number;
  buffered: Buffer;
  /** The frames of one result. */
  answer?: Buffer;
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(9 + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, 9);
  return bytes;
}

/** DATA frames of one message; a message larger than a frame takes several. */
function dataFrames(stream: number, message: Uint8Array): Buffer {
  const envelope = Buffer.alloc(5 + message.length);
  envelope.writeUInt32BE(message.length, 1);
  envelope.set(message, 5);
  const frames: Buffer[] = [];
  for (let at = 0; at < envelope.length; at += 16_384)
    frames.push(frame(DATA, 0, stream, envelope.subarray(at, at + 16_384)));
  return Buffer.concat(frames);
}

function literal(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

const responseHeaders = Buffer.concat([Buffer.from([0x88]), literal("content-type", "application/grpc")]);
const trailers = literal("grpc-status", "0");

const event = (size: number) =>
  toBinary(
    EventReceiveSchema,
    create(EventReceiveSchema, {
      EventID: "0123456789abcdefghijkl",
      Channel: "bench.events",
      Metadata: "",
      Body: new Uint8Array(size).fill(97),
      Timestamp: 1_750_000_000_000_000_000n,
      Sequence: 123_456n,
    }),
  );
const result = toBinary(ResultSchema, create(ResultSchema, { EventID: "0123456789abcdefghijkl", Sent: true }));
const pong = toBinary(
  PingResultSchema,
  create(PingResultSchema, { Host: "bench", Version: "v2.4.0", ServerStartTime: 1n }),
);

class Connection {
  private input: Buffer = Buffer.alloc(0);
  private prefaced = false;
  private connectionWindow = 65_535;
  private initialWindow = 65_535;
  private readonly calls = new Map<number, Call>();
  private unacknowledged = 0;
  private output: Buffer[] = [];
  private readonly message: Uint8Array;

  constructor(
    private readonly socket: Socket,
    private readonly kind: Kind,
    size: number,
  ) {
    this.message = event(size);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("drain", () => this.pump());
    const settings = Buffer.alloc(12);
    settings.writeUInt16BE(4, 0);
    settings.writeUInt32BE(2 ** 31 - 1, 2);
    settings.writeUInt16BE(3, 6);
    settings.writeUInt32BE(2 ** 31 - 1, 8);
    this.output.push(frame(SETTINGS, 0, 0, settings), this.windowUpdate(0, OUR_WINDOW));
    socket.on("data", (chunk: Buffer) => this.read(chunk));
  }

  private read(chunk: Buffer): void {
    let input = this.input.length === 0 ? chunk : Buffer.concat([this.input, chunk]);
    let at = 0;
    if (!this.prefaced) {
      if (input.length < PREFACE_BYTES) {
        this.input = input;
        return;
      }
      this.prefaced = true;
      at = PREFACE_BYTES;
    }
    while (input.length - at >= 9) {
      const length = input.readUIntBE(at, 3);
      if (input.length - at < 9 + length) break;
      this.onFrame(
        input[at + 3] ?? 0,
        input[at + 4] ?? 0,
        input.readUInt32BE(at + 5) & 0x7fffffff,
        input.subarray(at + 9, at + 9 + length),
      );
      at += 9 + length;
    }
    input = input.subarray(at);
    this.input = input;
    this.pump();
  }

  private onFrame(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === HEADERS) this.open(stream);
    else if (type === DATA) this.onData(stream, payload);
    else if (type === SETTINGS && (flags & ACK) === 0) this.onSettings(payload);
    else if (type === PING && (flags & ACK) === 0) this.output.push(frame(PING, ACK, 0, payload));
    else if (type === RST_STREAM) this.calls.delete(stream);
    else if (type === WINDOW_UPDATE) {
      const call = this.calls.get(stream);
      if (stream === 0) this.connectionWindow += payload.readUInt32BE(0);
      else if (call !== undefined) call.window += payload.readUInt32BE(0);
    }
    if ((flags & END_STREAM) !== 0 && (type === DATA || type === HEADERS)) this.halfClosed(stream);
  }

  private onSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== 4) continue;
      const window = payload.readUInt32BE(at + 2);
      for (const call of this.calls.values()) call.window += window - this.initialWindow;
      this.initialWindow = window;
    }
    this.output.push(frame(SETTINGS, ACK, 0, new Uint8Array(0)));
  }

  private open(stream: number): void {
    this.calls.set(stream, { window: this.initialWindow, next: 0, buffered: Buffer.alloc(0) });
    if (this.kind !== "unary") this.output.push(frame(HEADERS, END_HEADERS, stream, responseHeaders));
  }

  private onData(stream: number, payload: Buffer): void {
    this.unacknowledged += payload.length;
    if (this.unacknowledged > OUR_WINDOW / 4) {
      this.output.push(this.windowUpdate(0, this.unacknowledged));
      this.unacknowledged = 0;
    }
    const call = this.calls.get(stream);
    if (call === undefined) return;
    if (this.kind === "echo") {
      const count = this.countMessages(call, payload);
      call.answer ??= dataFrames(stream, result);
      for (let i = 0; i < count; i++) this.output.push(call.answer);
    } else if (this.kind === "sink") this.countMessages(call, payload);
  }

  private countMessages(call: Call, payload: Buffer): number {
    const bytes = call.buffered.length === 0 ? payload : Buffer.concat([call.buffered, payload]);
    let at = 0;
    let count = 0;
    while (bytes.length - at >= 5) {
      const size = bytes.readUInt32BE(at + 1);
      if (bytes.length - at - 5 < size) break;
      at += 5 + size;
      count++;
    }
    call.buffered = bytes.subarray(at);
    return count;
  }

  private halfClosed(stream: number): void {
    const call = this.calls.get(stream);
    if (call === undefined || this.kind === "receive") return;
    if (this.kind === "unary") {
      this.output.push(frame(HEADERS, END_HEADERS, stream, responseHeaders), dataFrames(stream, pong));
    }
    this.output.push(frame(HEADERS, END_HEADERS | END_STREAM, stream, trailers));
    this.calls.delete(stream);
  }

  private pump(): void {
    if (this.kind === "receive") for (const [stream, call] of this.calls) this.feed(stream, call);
    if (this.output.length === 0) return;
    const output = this.output;
    this.output = [];
    this.socket.write(output.length === 1 ? (output[0] ?? "") : Buffer.concat(output));
  }

  /** Sends events as long as the client's windows and the socket allow. */
  private feed(stream: number, call: Call): void {
    const wire = this.message.length + 5;
    const one = dataFrames(stream, this.message);
    const perBlock = Math.max(1, Math.floor(65_536 / wire));
    const block = Buffer.concat(Array.from({ length: perBlock }, () => one));
    while (!this.socket.writableNeedDrain) {
      const room = Math.min(call.window, this.connectionWindow);
      // A message that may not fit into a window goes in pieces.
      if (wire > 65_535) return this.piece(stream, call, Math.min(room, 16_384));
      const messages = Math.min(perBlock, Math.floor(room / wire));
      if (messages === 0) return;
      call.window -= messages * wire;
      this.connectionWindow -= messages * wire;
      this.output.push(messages === perBlock ? block : block.subarray(0, messages * one.length));
      const output = this.output;
      this.output = [];
      this.socket.write(output.length === 1 ? (output[0] ?? "") : Buffer.concat(output));
    }
  }

  private piece(stream: number, call: Call, room: number): void {
    const envelope = Buffer.alloc(5 + this.message.length);
    envelope.writeUInt32BE(this.message.length, 1);
    envelope.set(this.message, 5);
    while (room > 0) {
      const part = envelope.subarray(call.next, call.next + room);
      this.output.push(frame(DATA, 0, stream, part));
      call.next = (call.next + part.length) % envelope.length;
      call.window -= part.length;
      this.connectionWindow -= part.length;
      room = Math.min(call.window, this.connectionWindow, 16_384);
    }
  }

  private windowUpdate(stream: number, bytes: number): Buffer {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(bytes);
    return frame(WINDOW_UPDATE, 0, stream, payload);
  }
}

async function listen(kind: Kind, size = 0): Promise<number> {
  const server = createServer((socket) => new Connection(socket, kind, size));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const receive: Record<number, number> = {};
for (const size of BODY_SIZES) receive[size] = await listen("receive", size);
const ports: Ports = { receive, echo: await listen("echo"), sink: await listen("sink"), unary: await listen("unary") };
process.on("message", () => process.send?.({ cpu: process.cpuUsage() }));
process.on("disconnect", () => process.exit());
process.send?.({ ports });
