import { describe, expect, test } from "@jest/globals";
import { KubeMQClient, type KubeMQError } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { TcpProxy } from "../support/tcp-proxy.js";
import { rejection } from "../support/until.js";

const MIB = 1024 * 1024;

// node:http2 limits the memory of a session to 10 MB by default. Above it every call failed with ENHANCE_YOUR_CALM, for 40 s and more.
describe("a message above the limit of the server", () => {
  test.each([2, 9, 11, 40])(
    "a message of %d MiB above the server's limit rejects with RESOURCE_EXHAUSTED, and the connection remains usable",
    async (size) => {
      await using broker = await startBroker({ maxMessageBytes: MIB });
      await using proxy = await TcpProxy.start(broker.port);
      await using client = await KubeMQClient.connect({ address: proxy.address });
      const body = new Uint8Array(size * MIB);
      const error = await rejection(client.queues.send({ channel: "q", body }));
      expect(error).toMatchObject({ code: "RESOURCE_EXHAUSTED", retryable: false });
      await client.queues.send({ channel: "q", body: "small" });
      expect((await client.queues.receive({ channel: "q" })).map((message) => message.text())).toEqual(["small"]);
      expect([client.state, proxy.accepted]).toEqual(["ready", 1]);
    },
  );
});

test("small calls beside a large send over a slow line succeed", async () => {
  await using broker = await startBroker();
  await using proxy = await TcpProxy.start(broker.port);
  await using client = await KubeMQClient.connect({ address: proxy.address, timeoutMs: 60_000 });
  proxy.upBytesPerSecond = 20 * MIB;
  const state = { isSending: true };
  const sending = client.queues
    .send({ channel: "large", body: new Uint8Array(24 * MIB) })
    .finally(() => (state.isSending = false));
  const outcomes: string[] = [];
  for (let call = 0; state.isSending; call++) {
    const small =
      call % 2 === 0
        ? client.events.publish({ channel: "c", body: "x" })
        : client.queues.send({ channel: "q", body: "x" });
    outcomes.push(
      await small.then(
        () => "sent",
        (error: unknown) => (error as KubeMQError).code,
      ),
    );
  }
  await sending;
  expect(outcomes.length).toBeGreaterThan(5);
  expect(outcomes.filter((outcome) => outcome !== "sent")).toEqual([]);
  expect(proxy.accepted).toBe(1);
});
