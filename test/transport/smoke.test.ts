import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { kubemq, EventReceiveSchema, PingResultSchema, ResultSchema } from "kubemq-es/gen";
import { Uplink } from "../../src/stream/send/uplink.js";
import { batchesOf } from "../../src/transport/index.js";
import { openTransport } from "../support/calls.js";
import { envelope, onMessages, RawGrpcServer, respond } from "../support/raw-grpc-server.js";

const kinds = ["fast", "stock"] as const;

test.each(kinds)("%s transport makes a unary call", async (kind) => {
  await using server = await RawGrpcServer.start((stream) => {
    respond(stream);
    stream.end(envelope(toBinary(PingResultSchema, create(PingResultSchema, { Host: "here", ServerStartTime: 7n }))));
  });
  using transport = openTransport(kind, server.url);
  const response = await transport.unary(kubemq.method.ping, undefined, undefined, undefined, {});
  expect(response.message).toEqual(create(PingResultSchema, { Host: "here", ServerStartTime: 7n }));
  expect(response.trailer.get("grpc-status")).toBe("0");
});

test.each(kinds)("%s transport receives a server stream", async (kind) => {
  await using server = await RawGrpcServer.start((stream) => {
    respond(stream);
    for (let i = 0; i < 1000; i++) {
      stream.write(envelope(toBinary(EventReceiveSchema, create(EventReceiveSchema, { EventID: `${i}` }))));
    }
    stream.end();
  });
  using transport = openTransport(kind, server.url);
  async function* one() {
    yield { Channel: "c" };
  }
  const messages = batchesOf(transport.open(kubemq.method.subscribeToEvents, one()));
  const ids: string[] = [];
  for await (const batch of messages) for (const event of batch) ids.push(event.EventID);
  expect(ids).toEqual(Array.from({ length: 1000 }, (_, i) => `${i}`));
});

test.each(kinds)("%s transport carries a bidirectional stream over an uplink", async (kind) => {
  await using server = await RawGrpcServer.start((stream) => {
    respond(stream);
    let n = 0;
    onMessages(stream, () => {
      stream.write(envelope(toBinary(ResultSchema, create(ResultSchema, { EventID: `${n++}`, Sent: true }))));
    });
    stream.on("end", () => stream.end());
  });
  using transport = openTransport(kind, server.url);
  const uplink = new Uplink<{ EventID: string }>();
  const opening = transport.stream(kubemq.method.sendEventsStream, undefined, 0, undefined, uplink);
  for (let i = 0; i < 1000; i++) await uplink.send({ EventID: `${i}` });
  await uplink.flushed();
  uplink.close();
  const ids: string[] = [];
  for await (const result of (await opening).message) ids.push(result.EventID);
  expect(ids).toEqual(Array.from({ length: 1000 }, (_, i) => `${i}`));
});
