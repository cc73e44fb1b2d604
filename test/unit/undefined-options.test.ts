import { expect, test } from "@jest/globals";
import { KubeMQClient, text } from "kubemq-es";
import { openTelemetry } from "kubemq-es/opentelemetry";
import { startBroker } from "kubemq-es/testing";
import { resolveOptions } from "../../src/connection/options.js";

const none = undefined;

test("an option of the client that is undefined has its default", () => {
  const { clientId, tls, ...given } = resolveOptions({
    address: none,
    addressOrder: none,
    authToken: none,
    clientId: none,
    connectTimeoutMs: none,
    flowControl: { streamBytes: none, connectionBytes: none },
    keepalive: { intervalMs: none, timeoutMs: none },
    maxMessageBytes: none,
    reconnect: { firstAttempts: none, initialDelayMs: none, jitter: none, maxAttempts: none, maxDelayMs: none },
    telemetry: none,
    timeoutMs: none,
    tls: none,
  });
  const { clientId: _, tls: __, ...defaults } = resolveOptions({});
  expect(given).toEqual(defaults);
  expect(clientId).toMatch(/^kubemq-es-/);
  expect(tls).toBeUndefined();
});

test("a call or a message with properties that are undefined works as one without them", async () => {
  await using broker = await startBroker({
    port: none,
    host: none,
    token: none,
    cert: none,
    key: none,
    ca: none,
    maxMessages: none,
    maxAgeMs: none,
    maxMessageBytes: none,
    slowConsumerMs: none,
    clock: none,
    profile: none,
    seed: none,
    quirks: { cancelledReceiveLoses: none, loseLastAnswer: none },
    onCall: none,
  });
  expect(broker.quirks.cancelledReceiveLoses).toBe(true);
  const providers = { tracerProvider: none, meterProvider: none, propagator: none };
  const how = { signal: none, timeoutMs: none };
  const stream = { signal: none, reconnect: none };
  const connecting = { ...how, waitMs: none };
  await using client = await KubeMQClient.connect(
    { address: broker.address, telemetry: openTelemetry(providers) },
    connecting,
  );
  const { events, eventsStore, queries, queues } = client;
  const message = { id: none, metadata: none, tags: none, codec: none, channel: "c", body: "text" };
  const base = { channel: "c", codec: none };

  const subscription = events.subscribe({ ...base, group: none }, stream);
  await subscription.ready;
  await events.publish(message, how);
  for await (const event of subscription) {
    expect(event.text()).toBe("text");
    break;
  }
  await eventsStore.publish(message, how);
  const stored: string[] = [];
  for await (const event of eventsStore.replay({ ...base, start: { from: "first" }, quietMs: none }, stream)) {
    stored.push(event.text());
  }
  expect(stored).toEqual(["text"]);

  const handling = { ...stream, concurrency: none, drainTimeoutMs: none, onError: none };
  await using service = queries.handle({ ...base, group: none, responseCodec: none }, () => "answer", handling);
  await service.ready;
  const query = { ...message, span: none, cache: none, responseCodec: text };
  expect(await queries.send(query, how)).toMatchObject({ ok: true, value: "answer" });

  const policy = { expirationSeconds: none, delaySeconds: none, deadLetter: none };
  await using publisher = queues.publisher({ ...stream, ordered: none, maxInFlight: none });
  await publisher.send({ ...message, policy });
  await publisher.sendAll([{ ...message, policy: none }], { signal: none });
  await queues.sendBatch([message, message], how);
  const receiving = { ...base, max: none, waitSeconds: none };
  expect(await queues.peek(receiving, how)).toHaveLength(1);
  expect(await queues.receive(receiving, how)).toHaveLength(1);
  const held = { ...base, prefetch: none, visibilitySeconds: none, autoExtend: none };
  for await (const job of queues.consume({ ...held, settle: none }, stream)) {
    await job.ack();
    break;
  }
  for await (const batch of queues.consumeBatches({ ...base, max: 1, waitSeconds: none }, stream)) {
    await batch.ackAll();
    break;
  }
  const retry = {
    maxAttempts: none,
    exhausted: none,
    delay: { initialDelayMs: none, maxDelayMs: none, jitter: none },
  };
  const stop = new AbortController();
  await queues.process({ ...held, settle: none }, () => stop.abort(), { ...handling, signal: stop.signal, retry });
  await client.close({ timeoutMs: none, signal: none });
});
