import { createServer, type AddressInfo, type Socket } from "node:net";
import { envelope, flag, frame, frameType, headers, RequestScanner, type Call } from "../../support/h2.js";
import { Random } from "../../support/random.js";

const grpc = { ":status": "200", "content-type": "application/grpc+proto" };

/** The kind of a misdeed, in the words of the promise that it tests. */
export type Misdeed =
  | "random messages"
  | "truncated messages"
  | "odd messages"
  | "wrong trailers"
  | "giant headers"
  | "statuses"
  | "odd responses"
  | "resets"
  | "farewells"
  | "malformed frames"
  | "random bytes"
  | "silence";

type Bytes = (dice: Random, stream: number) => Buffer;
type Answer = readonly [Misdeed, Bytes];

/** Strings in place of numbers and of gRPC's own words. */
const oddText = (dice: Random): string =>
  dice.pick<() => string>([
    () => "",
    () => "-1",
    () => "17",
    () => "1e9",
    () => "NaN",
    () => "%zz%",
    () => "%FF%FE",
    () => "ä".repeat(dice.below(99)),
    () =>
      dice
        .bytes(40)
        .toString("latin1")
        .replaceAll(/[\0\r\n]/g, "?"),
  ])();

const message: Bytes = (dice) => envelope(dice.bytes(60));

const many = (dice: Random): Record<string, string> =>
  Object.fromEntries(Array.from({ length: dice.pick([100, 3000]) }, (_, n) => [`x-${n}`, "y"]));

/** A response that starts correctly and continues with DATA. */
const opened = (id: number, ...envelopes: readonly Buffer[]): Buffer =>
  Buffer.concat([headers(id, grpc), ...envelopes.map((bytes) => frame(frameType.data, 0, id, bytes))]);

/** A correct response with one defect, which affects one call. */
const gentle: readonly [Answer, ...Answer[]] = [
  [
    "random messages",
    (dice, id) => Buffer.concat([opened(id, message(dice, id)), headers(id, { "grpc-status": "0" }, flag.endStream)]),
  ],
  // A message without fields, then silence, or an end without trailers.
  [
    "wrong trailers",
    (dice, id) =>
      Buffer.concat([
        headers(id, grpc),
        frame(frameType.data, dice.chance(0.5) ? flag.endStream : 0, id, envelope(Buffer.alloc(0))),
      ]),
  ],
  [
    "wrong trailers",
    (dice, id) =>
      Buffer.concat([
        dice.chance(0.5) ? opened(id, message(dice, id)) : opened(id),
        headers(
          id,
          dice.pick<Record<string, string>>([
            {},
            { "grpc-message": "no status" },
            { "grpc-status": oddText(dice) },
            { "grpc-status": "2", "grpc-message": oddText(dice) },
            { "grpc-status": "13", "grpc-message": `Error ${dice.below(500)}: ${oddText(dice)}` },
            { "grpc-status": "3", "grpc-status-details-bin": oddText(dice) },
            { "grpc-status-details-bin": "AAAA" },
            { "grpc-status": String(dice.below(18)), "grpc-message": "x".repeat(dice.below(20_000)) },
          ]),
          flag.endStream,
        ),
      ]),
  ],
  [
    "statuses",
    (dice, id) =>
      headers(id, { ...grpc, "grpc-status": String(dice.below(18)), "grpc-message": oddText(dice) }, flag.endStream),
  ],
  // Another HTTP status, content type or encoding.
  [
    "odd responses",
    (dice, id) =>
      headers(
        id,
        {
          ":status": dice.pick(["200", "100", "204", "302", "401", "403", "404", "429", "500", "502", "503", "999"]),
          "content-type": dice.pick(["text/html", "application/grpc", "application/grpc+json", "", "application/json"]),
          ...(dice.chance(0.3) ? { "grpc-encoding": dice.pick(["gzip", "br", "identity", ""]) } : {}),
        },
        dice.chance(0.5) ? flag.endStream : 0,
      ),
  ],
  [
    "giant headers",
    (dice, id) => headers(id, { ...grpc, "x-giant": "x".repeat(dice.pick([60_000, 200_000, 1_000_000])) }),
  ],
  ["giant headers", (dice, id) => headers(id, { ...grpc, ...many(dice) })],
  [
    "giant headers",
    (dice, id) => Buffer.concat([opened(id, message(dice, id)), headers(id, many(dice), flag.endStream)]),
  ],
  // A header block that never ends.
  [
    "giant headers",
    (dice, id) => {
      const whole = headers(id, { ...grpc, "x-half": "x".repeat(dice.pick([10, 20_000])), ...many(dice) });
      return whole.subarray(0, dice.below(whole.length));
    },
  ],
  [
    "truncated messages",
    (dice, id) =>
      Buffer.concat([
        headers(id, grpc),
        frame(frameType.data, flag.endStream, id, envelope(dice.bytes(20), 0, 21 + dice.below(1000))),
      ]),
  ],
  [
    "truncated messages",
    (dice, id) =>
      Buffer.concat([
        opened(id, envelope(dice.bytes(20), 0, 21 + dice.below(1000)).subarray(0, 1 + dice.below(5))),
        headers(id, { "grpc-status": "0" }, flag.endStream),
      ]),
  ],
  [
    "truncated messages",
    (dice, id) => opened(id, envelope(dice.bytes(20), 0, dice.pick([0xffffffff, 0x7fffffff, 104_857_601]))),
  ],
  // Compressed, or in frames of one byte.
  ["odd messages", (dice, id) => opened(id, envelope(dice.bytes(20), dice.pick([1, 2, 128, 255])))],
  ["odd messages", (dice, id) => opened(id, ...[...message(dice, id)].map((byte) => Buffer.from([byte])))],
  ["resets", (dice, id) => frame(frameType.rstStream, 0, id, uint32(dice.pick([0, 1, 2, 3, 5, 7, 8, 11, 13, 99])))],
  ["resets", (dice, id) => Buffer.concat([opened(id), frame(frameType.rstStream, 0, id, uint32(dice.below(14)))])],
];

/** Frames that the protocol forbids. */
const malformed: readonly [Bytes, ...Bytes[]] = [
  (dice, id) => frame(frameType.data, 0, id, message(dice, id)),
  (dice) => frame(frameType.data, 0, 0, dice.bytes(10)),
  (dice, id) => frame(frameType.continuation, dice.pick([0, flag.endHeaders]), id, dice.bytes(10)),
  (dice, id) => frame(frameType.pushPromise, flag.endHeaders, id, Buffer.concat([uint32(2), dice.bytes(10)])),
  (_, id) => frame(frameType.windowUpdate, 0, id, uint32(0)),
  (_, id) =>
    Buffer.concat([
      frame(frameType.windowUpdate, 0, id, uint32(0x7fffffff)),
      frame(frameType.windowUpdate, 0, id, uint32(0x7fffffff)),
    ]),
  (dice) =>
    frame(
      frameType.settings,
      0,
      0,
      Buffer.from([0, dice.pick([1, 3, 4, 5, 6]), ...uint32(dice.pick([0, 1, 0xffffffff, 16_383]))]),
    ),
  (dice) => frame(frameType.settings, dice.pick([0, flag.ack]), 0, dice.bytes(7)),
  (dice) => frame(frameType.ping, 0, 0, dice.bytes(9)),
  (dice, id) => frame(frameType.headers, flag.endHeaders | dice.pick([0, flag.endStream]), id, dice.bytes(50)),
  (dice, id) => frame(frameType.headers, flag.endHeaders, id + 2 * dice.below(5), dice.bytes(50)),
  (_, id) => frame(frameType.data, flag.padded, id, Buffer.from([200, 1, 2])),
  (dice) => frame(dice.below(256), dice.below(256), dice.below(9), dice.bytes(50)),
  (_, id) => frame(frameType.priority, 0, id, Buffer.concat([uint32(id), Buffer.from([1])])),
  (dice, id) => headers(id, { "Upper-Case": "x", ":status": "200", ":unknown": oddText(dice) }),
  (dice, id) =>
    Buffer.concat([
      headers(id, grpc),
      headers(id, grpc),
      frame(frameType.data, 0, id, message(dice, id)),
      headers(id, { "grpc-status": "0" }, flag.endStream),
    ]),
];

const farewell: Bytes = (dice, id) =>
  frame(
    frameType.goAway,
    0,
    0,
    Buffer.concat([
      uint32(dice.pick([0, id, 2 ** 31 - 1])),
      uint32(dice.pick([0, 1, 2, 11])),
      Buffer.from(dice.pick(["", "too_many_pings"])),
    ]),
  );

/** Answers that end, or should end, the whole connection. */
function rough(dice: Random): Answer {
  const drawn = dice.next();
  if (drawn < 0.6) return ["malformed frames", dice.pick(malformed)];
  if (drawn < 0.75) return ["random bytes", () => dice.bytes(300)];
  if (drawn < 0.9) return ["farewells", farewell];
  return ["silence", () => Buffer.alloc(0)];
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** Flips, drops, duplicates and cuts bytes. */
function garble(dice: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let n = dice.below(4); n >= 0 && copy.length > 0; n--) copy[dice.below(copy.length)] = dice.below(256);
  const at = dice.below(copy.length + 1);
  const action = dice.below(4);
  if (action === 0) return copy.subarray(0, at);
  if (action === 1)
    return Buffer.concat([copy.subarray(0, at), copy.subarray(0, dice.below(at + 1)), copy.subarray(at)]);
  if (action === 2)
    return Buffer.concat([copy.subarray(0, at), copy.subarray(Math.min(copy.length, at + dice.below(9)))]);
  return copy;
}

/** The kind of call that a misdeed affected. */
export type CallKind = "unary" | "receiving" | "both ways" | "unknown";

/** Number of misdeeds by kind of call. */
export type Misdeeds = Partial<Record<Misdeed, Partial<Record<CallKind, number>>>>;

/**
 * The kind of a call, from the first message of its request: subscriptions begin with the field of
 * their type.
 */
function kindOf(call: Call | undefined): CallKind {
  if (call?.first === undefined) return "unknown";
  if (!call.ended) return "both ways";
  return call.first[5] === 8 ? "receiving" : "unary";
}

function misbehave(socket: Socket, dice: Random, count: (misdeed: Misdeed, kind: CallKind) => void): void {
  socket.on("error", () => {});
  // An answer cut in two is sent in two turns, in order with later answers.
  let last = Promise.resolve();
  const send = (bytes: Buffer) => {
    const cut = dice.chance(0.1) ? dice.below(bytes.length) : 0;
    last = last.then(async () => {
      if (cut > 0 && socket.writable) {
        socket.write(bytes.subarray(0, cut));
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (socket.writable) socket.write(bytes.subarray(cut));
    });
  };
  if (dice.chance(0.05)) return void socket.destroy();
  if (dice.chance(0.05)) {
    count("random bytes", "unknown");
    return send(dice.bytes(300));
  }
  const generous = dice.chance(0.1);
  send(frame(frameType.settings, 0, 0, generous ? Buffer.from([0, 4, ...uint32(2 ** 31 - 1)]) : Buffer.alloc(0)));
  if (generous) send(frame(frameType.windowUpdate, 0, 0, uint32(2 ** 30)));
  let acknowledged = dice.chance(0.05); // sometimes never
  if (dice.chance(0.05)) {
    count("random bytes", "unknown");
    return send(dice.bytes(300));
  }
  const scanner = new RequestScanner();
  const usual = dice.pick(gentle);
  const roughness = dice.pick([0, 0.05, 0.5]);
  // A server that stops reading with its windows wide open: written data piles up in the client.
  const deaf = generous && dice.chance(0.5);
  socket.on("data", (chunk) => {
    if (!acknowledged) send(frame(frameType.settings, flag.ack, 0));
    acknowledged = true;
    for (const call of scanner.push(chunk)) {
      const { id } = call;
      const [misdeed, bytesOf] = dice.chance(roughness) ? rough(dice) : dice.chance(0.5) ? usual : dice.pick(gentle);
      const bytes = bytesOf(dice, id);
      const garbled = dice.chance(roughness);
      count(garbled ? "malformed frames" : misdeed, kindOf(call));
      send(garbled ? garble(dice, bytes) : bytes);
      // Most streams end, even misbehaving ones; some hang.
      if (dice.chance(0.8)) setTimeout(() => send(frame(frameType.rstStream, 0, id, uint32(8))), dice.below(20));
      if (dice.chance(roughness / 8)) socket.end();
      else if (dice.chance(roughness / 7)) socket.resetAndDestroy();
    }
    if (!deaf || socket.destroyed) return;
    socket.pause();
    setTimeout(() => socket.resetAndDestroy(), 100 + dice.below(300));
  });
}

/** A server that misbehaves on every connection. */
export async function startMisbehavingServer(seed: number) {
  const dice = new Random(seed);
  const sockets = new Set<Socket>();
  const misdeeds: Misdeeds = {};
  let answers = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    misbehave(socket, dice, (misdeed, kind) => {
      answers += 1;
      const row = (misdeeds[misdeed] ??= {});
      row[kind] = (row[kind] ?? 0) + 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    misdeeds,
    /** Number of misdeeds. */
    get answers(): number {
      return answers;
    },
    port: (server.address() as AddressInfo).port,
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
