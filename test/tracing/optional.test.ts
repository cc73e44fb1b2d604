import { afterEach, describe, expect, test } from "@jest/globals";
import { KubeMQClient, type DiagnosticStatus, type ObservedClient } from "kubemq-es";
import { contextOf, openTelemetry } from "kubemq-es/opentelemetry";
import { startBroker } from "kubemq-es/testing";
import { trace } from "@opentelemetry/api";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { run } from "../support/run.js";
import { take } from "../support/until.js";
import { withBroker } from "../support/with-broker.js";

describe("optional OpenTelemetry", () => {
  test("without @opentelemetry/api the package works, and only importing kubemq-es/opentelemetry fails", async () => {
    const { code, stdout, stderr } = await run("without-opentelemetry.ts");
    expect(stderr).toBe("");
    expect(stdout.trim().split("\n")).toEqual(["sent", "Error: Cannot find package '@opentelemetry/api'", "done"]);
    expect(code).toBe(0);
  }, 60_000);

  test("without an SDK no context is sent, and everything works as without telemetry", () =>
    withBroker({ client: { telemetry: openTelemetry() } }, async ({ client }) => {
      await client.queues.send({ channel: "a", tags: { mine: "1", traceparent: "theirs" }, body: "x" });
      const [job] = await take(client.queues.consume({ channel: "a" }), 1);
      expect(job?.tags).toEqual({ mine: "1", traceparent: "theirs" });
      if (job === undefined) throw new Error("no job");
      expect(trace.getSpan(contextOf(job))?.isRecording()).toBe(false);
    }));

  test("invalid telemetry is refused", () => {
    expect(() => new KubeMQClient({ telemetry: {} as never })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining("telemetry") }),
    );
  });

  test("a custom observer receives the client's identity", async () => {
    const told: ObservedClient[] = [];
    const telemetry = openTelemetry();
    await using _client = new KubeMQClient({
      address: "[::1]:1234",
      clientId: "me",
      telemetry: {
        observe(client) {
          told.push(client);
          return telemetry.observe(client);
        },
      },
    });
    expect(told).toEqual([{ clientId: "me", host: "::1", port: 1234 }]);
  });
});

describe("node:diagnostics_channel", () => {
  const seen: DiagnosticStatus[] = [];
  const listener = (message: unknown) => void seen.push(message as DiagnosticStatus);
  afterEach(() => void unsubscribe("kubemq-es:status", listener));

  test("the channel kubemq-es:status publishes every status of every client", async () => {
    subscribe("kubemq-es:status", listener);
    await using broker = await startBroker();
    const reconnect = { initialDelayMs: 5, maxDelayMs: 10 };
    await using client = new KubeMQClient({ address: broker.address, clientId: "one", reconnect });
    await using other = new KubeMQClient({ address: broker.address, clientId: "two", reconnect });
    await using loop = client.events.subscribe({ channel: "a" });
    await loop.ready;
    await other.ping();
    const statuses = client.status()[Symbol.asyncIterator]();
    await broker.faults.dropConnections();
    const read: unknown[] = [];
    for (let status = await statuses.next(); status.done !== true; status = await statuses.next()) {
      read.push(status.value);
      if (status.value.type === "resumed") break;
    }
    const ofOne = seen.filter(({ clientId }) => clientId === "one").map(({ status }) => status);
    expect(ofOne.slice(0, 2)).toMatchObject([
      { type: "state", state: "connecting" },
      { type: "state", state: "ready" },
    ]);
    expect(ofOne.slice(2, 2 + read.length)).toEqual(read);
    expect(read).toContainEqual(expect.objectContaining({ type: "retry", attempt: 1 }));
    expect(seen.filter(({ clientId }) => clientId === "two").map(({ status }) => status)).toContainEqual(
      expect.objectContaining({ type: "state", state: "ready" }),
    );
  });
});
