import type { Socket } from "node:net";
import {
  ACK,
  DATA,
  END_HEADERS,
  END_STREAM,
  ENVELOPE_HEADER_BYTES,
  envelope,
  frame,
  FRAME_HEADER_BYTES,
  HEADERS,
  MAX_FRAME_BYTES,
  PING,
  PREFACE_BYTES,
  responseHeaders,
  RST_STREAM,
  SETTINGS,
  settings,
  trailers,
  WINDOW_UPDATE,
  windowUpdate,
} from "./frames.js";
import { eventId, hasNoChannel, pong, queueAnswer, result, upstreamAnswer } from "./messages.js";

/**
 * The kind of call that a port serves: a subscription that receives events without end, or one
 * event; an event stream that answers every event, or only refused ones; single sends of queue
 * messages and stored events, by unary calls and over streams; a poll stream; a subscription that
 * receives nothing. Every port answers pings.
 */
export type Kind = "receive" | "one" | "echo" | "sink" | "sends" | "queue" | "silent";

const OUR_WINDOW = 64 * 1024 * 1024;
const BLOCK_BYTES = 65_536;

interface Call {
  readonly stream: number;
  window: number;
  started: boolean;
  /** The only message was empty, so the call is a ping. */
  ping: boolean;
  /**
   * The parts of an incomplete message, and the number of bytes missing before it can be parsed
   * further.
   */
  parts: Buffer[];
  missing: number;
  /** For a subscription: the frames of one event, and those of a whole block of events. */
  one: Buffer | undefined;
  block: Buffer | undefined;
  /** For an event larger than a frame: the offset of the next frame. */
  next: number;
}

/** A DATA frame whose payload is incomplete. */
interface Body {
  readonly stream: number;
  readonly flags: number;
  left: number;
}

const nothing: Buffer = Buffer.alloc(0);

export class Connection {
  private readonly socket: Socket;
  private readonly kind: Kind;
  private readonly event: Buffer;
  private readonly calls = new Map<number, Call>();
  /** An incomplete frame header, or an incomplete frame other than DATA. */
  private input: Buffer = nothing;
  private body: Body | undefined;
  private prefaced = false;
  private window = 65_535;
  private initialWindow = 65_535;
  private unacknowledged = 0;
  private output: Buffer[] = [settings(), windowUpdate(0, OUR_WINDOW)];

  constructor(socket: Socket, kind: Kind, event: Uint8Array) {
    this.socket = socket;
    this.kind = kind;
    this.event = envelope(event);
    socket.setNoDelay(true);
    socket.on("error", () => this.calls.clear());
    socket.on("close", () => this.calls.clear());
    socket.on("drain", () => this.pump());
    socket.on("data", (chunk: Buffer) => this.read(chunk));
  }

  private read(chunk: Buffer): void {
    const input = this.input.length === 0 ? chunk : Buffer.concat([this.input, chunk]);
    let at = 0;
    if (!this.prefaced) {
      if (input.length < PREFACE_BYTES) {
        this.input = input;
        return;
      }
      this.prefaced = true;
      at = PREFACE_BYTES;
    }
    for (;;) {
      // Process a payload as it arrives: waiting for the whole frame would copy most of the input.
      if (this.body !== undefined) at += this.onBody(this.body, input.subarray(at));
      if (input.length - at < FRAME_HEADER_BYTES) break;
      const length = input.readUIntBE(at, 3);
      const type = input[at + 3] ?? 0;
      const flags = input[at + 4] ?? 0;
      const stream = input.readUInt32BE(at + 5) & 0x7fffffff;
      const start = at + FRAME_HEADER_BYTES;
      if (type === DATA) {
        this.body = { stream, left: length, flags };
        at = start;
        continue;
      }
      if (input.length < start + length) break;
      this.onFrame(type, flags, stream, input.subarray(start, start + length));
      at = start + length;
    }
    this.input = input.subarray(at);
    this.pump();
  }

  /** Consumes payload of the current DATA frame. Returns the number of bytes consumed. */
  private onBody(body: Body, input: Buffer): number {
    const { stream, flags } = body;
    const piece = input.subarray(0, body.left);
    body.left -= piece.length;
    if (piece.length > 0) this.onData(stream, piece);
    if (body.left === 0) {
      this.body = undefined;
      if ((flags & END_STREAM) !== 0) this.halfClosed(stream);
    }
    return piece.length;
  }

  private onFrame(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === HEADERS) this.open(stream);
    else if (type === SETTINGS && (flags & ACK) === 0) this.onSettings(payload);
    else if (type === PING && (flags & ACK) === 0) this.output.push(frame(PING, ACK, 0, payload));
    else if (type === RST_STREAM) this.calls.delete(stream);
    else if (type === WINDOW_UPDATE) {
      const call = this.calls.get(stream);
      if (stream === 0) this.window += payload.readUInt32BE(0);
      else if (call !== undefined) call.window += payload.readUInt32BE(0);
    }
    if ((flags & END_STREAM) !== 0 && type === HEADERS) this.halfClosed(stream);
  }

  private onSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== 4) continue; // INITIAL_WINDOW_SIZE
      const window = payload.readUInt32BE(at + 2);
      for (const call of this.calls.values()) call.window += window - this.initialWindow;
      this.initialWindow = window;
    }
    this.output.push(frame(SETTINGS, ACK, 0, nothing));
  }

  private open(stream: number): void {
    const window = this.initialWindow;
    this.calls.set(stream, {
      stream,
      window,
      started: false,
      ping: false,
      parts: [],
      missing: 0,
      one: undefined,
      block: undefined,
      next: 0,
    });
  }

  private onData(stream: number, payload: Buffer): void {
    this.unacknowledged += payload.length;
    if (this.unacknowledged > OUR_WINDOW / 4) {
      this.output.push(windowUpdate(0, this.unacknowledged));
      this.unacknowledged = 0;
    }
    const call = this.calls.get(stream);
    if (call === undefined) return;
    if (payload.length < call.missing) {
      call.parts.push(payload);
      call.missing -= payload.length;
      return;
    }
    const bytes = call.parts.length === 0 ? payload : Buffer.concat([...call.parts, payload]);
    let at = 0;
    while (bytes.length - at >= ENVELOPE_HEADER_BYTES) {
      const start = at + ENVELOPE_HEADER_BYTES;
      const end = start + bytes.readUInt32BE(at + 1);
      if (bytes.length < end) break;
      if (start === end) call.ping = true;
      else this.onMessage(call, bytes, start, end);
      at = end;
    }
    const rest = bytes.subarray(at);
    const size = rest.length < ENVELOPE_HEADER_BYTES ? 0 : rest.readUInt32BE(1);
    call.parts = rest.length === 0 ? [] : [rest];
    call.missing = rest.length === 0 ? 0 : ENVELOPE_HEADER_BYTES + size - rest.length;
  }

  private onMessage(call: Call, bytes: Buffer, start: number, end: number): void {
    if (!call.started) {
      call.started = true;
      this.output.push(frame(HEADERS, END_HEADERS, call.stream, responseHeaders));
    }
    if (this.kind === "one") this.output.push(frame(DATA, 0, call.stream, this.event));
    else if (this.kind === "echo") this.answer(call, result(eventId(bytes, start), true));
    else if (this.kind === "sink" && hasNoChannel(bytes, start, end)) {
      this.answer(call, result(eventId(bytes, start), false));
    } else if (this.kind === "sends") {
      const isBatch = hasNoChannel(bytes, start, end);
      this.answer(call, isBatch ? upstreamAnswer(bytes, start, end) : result(eventId(bytes, start), true));
    } else if (this.kind === "queue") this.answer(call, queueAnswer(bytes, start, end));
  }

  /** Contestants limit their unanswered messages, so the answers always fit the window. */
  private answer({ stream }: Call, message: Uint8Array | undefined): void {
    if (message !== undefined) this.output.push(frame(DATA, 0, stream, envelope(message)));
  }

  private halfClosed(stream: number): void {
    const call = this.calls.get(stream);
    if (call === undefined) return;
    if (call.ping) {
      this.output.push(frame(HEADERS, END_HEADERS, stream, responseHeaders), frame(DATA, 0, stream, envelope(pong)));
    } else if (this.kind === "receive" || this.kind === "one" || this.kind === "silent") return;
    this.output.push(frame(HEADERS, END_HEADERS | END_STREAM, stream, trailers));
    this.calls.delete(stream);
  }

  private pump(): void {
    this.write();
    if (this.kind === "receive") this.feed();
  }

  private write(): void {
    const { output } = this;
    if (output.length === 0) return;
    this.output = [];
    this.socket.write(output.length === 1 ? (output[0] ?? nothing) : Buffer.concat(output));
  }

  /**
   * Sends events while the client's windows and the socket accept them, to all subscriptions in
   * turn, one block per write.
   */
  private feed(): void {
    const wire = this.event.length;
    const most = this.calls.size === 1 ? Math.max(1, Math.floor(BLOCK_BYTES / wire)) : 1;
    let blockBytes = 0;
    for (let progress = true; progress && !this.socket.writableNeedDrain;) {
      progress = false;
      for (const call of this.calls.values()) {
        if (!call.started) continue;
        const sent = call.next > 0 ? this.feedPart(call) : this.feedWhole(call, most) || this.feedPart(call);
        progress ||= sent > 0;
        blockBytes += sent;
        if (blockBytes < BLOCK_BYTES) continue;
        this.write();
        blockBytes = 0;
      }
    }
    this.write();
  }

  private feedWhole(call: Call, most: number): number {
    const wire = this.event.length;
    const count = Math.min(most, Math.floor(Math.min(call.window, this.window) / wire));
    if (count === 0) return 0;
    call.window -= count * wire;
    this.window -= count * wire;
    const one = (call.one ??= this.frames(call.stream));
    if (count === 1) this.output.push(one);
    else {
      call.block ??= Buffer.concat(Array.from({ length: most }, () => one));
      this.output.push(call.block.subarray(0, count * one.length));
    }
    return count * one.length;
  }

  /** An event in as few frames as possible. */
  private frames(stream: number): Buffer {
    const frames: Buffer[] = [];
    for (let at = 0; at < this.event.length; at += MAX_FRAME_BYTES) {
      frames.push(frame(DATA, 0, stream, this.event.subarray(at, at + MAX_FRAME_BYTES)));
    }
    return Buffer.concat(frames);
  }

  /** Sends as much of an event larger than a frame as the windows allow. */
  private feedPart(call: Call): number {
    if (this.event.length <= MAX_FRAME_BYTES) return 0;
    const room = Math.min(call.window, this.window, MAX_FRAME_BYTES, this.event.length - call.next);
    if (room <= 0) return 0;
    this.output.push(frame(DATA, 0, call.stream, this.event.subarray(call.next, call.next + room)));
    call.next = (call.next + room) % this.event.length;
    call.window -= room;
    this.window -= room;
    return room;
  }
}
