import { describe, expect, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { BareServer } from "../support/bare-server.js";
import { run, type Ran } from "../support/run.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { rejection, roundTrips, until, within } from "../support/until.js";

/** The exit of a process of `exits.ts`. */
function exitOf({ code, signal, stdout, stderr }: Ran): object {
  const [, ms = Infinity] = /exit after ([\d.]+) ms/.exec(stdout) ?? [];
  return { code, signal, stderr, inTime: Number(ms) < 1_000 };
}

const clean = { code: 0, signal: null, stderr: "", inTime: true };

describe("the process of a closed client exits by itself within a second", () => {
  test.each(["unused", "idle", "idle, never closed", "streams of every kind"])(
    "the process of a client exits in state %s",
    async (state) => {
      await using broker = await startBroker();
      expect(exitOf(await run("exits.ts", [state, broker.address]))).toEqual(clean);
      await until("the broker has lost it", () => broker.stats().connections === 0);
      expect(broker.stats().streams).toEqual({});
    },
    60_000,
  );

  test("a closed client that was waiting to reconnect lets its process exit", async () => {
    await using broker = await startBroker();
    await using proxy = await TcpProxy.start(broker.port);
    proxy.refuse();
    expect(exitOf(await run("exits.ts", ["waiting to come back", proxy.address]))).toEqual(clean);
  }, 60_000);

  test("a closed client that was connecting to a silent server lets its process exit", async () => {
    await using silent = await BareServer.start();
    expect(exitOf(await run("exits.ts", ["connecting", `https://${silent.address}`]))).toEqual(clean);
  }, 60_000);

  test("a closed client with an unanswered call on a half-open connection lets its process exit", async () => {
    await using broker = await startBroker();
    await using proxy = await TcpProxy.start(broker.port);
    const running = run("exits.ts", ["a call without an answer", proxy.address]);
    await until("the subscription is there", () => (broker.stats().streams["SubscribeToEvents"] ?? 0) > 0, 30_000);
    proxy.drop("both");
    expect(exitOf(await running)).toEqual(clean);
  }, 60_000);
});

describe("close() loses nothing silently", () => {
  test("close() sends a publisher's queued events, and rejects each one that does not arrive", async () => {
    await using broker = await startBroker();
    const one = await KubeMQClient.connect({ address: broker.address });
    const publisher = one.eventsStore.publisher();
    const outcomes = Array.from({ length: 2_001 }, (_, n) =>
      publisher.publish({ channel: "c", body: String(n) }).then(
        () => "stored",
        () => "refused",
      ),
    );
    await one.close();
    const all = await Promise.all(outcomes);
    expect(all.filter((outcome) => outcome === "stored").length).toBe(2_001);
    expect(broker.stats().messages.eventsStore).toEqual({ c: 2_001 });
  });

  test("close() without a server rejects each queued event within its bound", async () => {
    await using broker = await startBroker();
    await using proxy = await TcpProxy.start(broker.port);
    const one = await KubeMQClient.connect({ address: proxy.address, timeoutMs: 60_000 });
    const publisher = one.eventsStore.publisher();
    await publisher.publish({ channel: "c", body: "first" });
    proxy.drop("both");
    const outcomes = Array.from({ length: 2_001 }, (_, n) =>
      rejection(publisher.publish({ channel: "c", body: String(n) })),
    );
    await within(2_000, "close()", one.close({ timeoutMs: 200 }));
    for (const error of await within(1_000, "every outcome", Promise.all(outcomes))) {
      expect(error).toMatchObject({ code: "CLIENT_CLOSED" });
    }
  });

  test("close() lets the current message be acknowledged, and returns prefetched messages at once", async () => {
    await using broker = await startBroker();
    await using other = await KubeMQClient.connect({ address: broker.address });
    const one = await KubeMQClient.connect({ address: broker.address });
    for (let n = 1; n <= 4; n++) await other.queues.send({ channel: "q", body: String(n) });
    let closing: Promise<void> | undefined;
    for await (const delivery of one.queues.consume({ channel: "q", prefetch: 4 })) {
      closing = one.close();
      await roundTrips(other);
      await delivery.ack();
    }
    await within(3_000, "close()", closing ?? Promise.resolve());
    const rest = await other.queues.receive({ channel: "q", max: 3 });
    expect(rest.map((message) => message.text())).toEqual(["2", "3", "4"]);
  });
});
