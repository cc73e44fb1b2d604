import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type Incoming, KubeMQClient } from "kubemq-es";
import { type Broker, startBroker } from "kubemq-es/testing";
import { openTransport, type TestTransport } from "../support/calls.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { take, within } from "../support/until.js";

// Protobufjs writes half an emoji as the three bytes ED A0 80 to ED BF BF, which are not UTF-8. The
// embedded broker does not send them, so the proxy creates them from U+0800, which has as many
// bytes.
const intact = "cut \u0800 here";
const asRead = "cut \uFFFD\uFFFD\uFFFD here";

let broker: Broker;
let proxy: TcpProxy;
let transport: TestTransport;
let sender: KubeMQClient;
let receiver: KubeMQClient;

beforeEach(async () => {
  broker = await startBroker();
  proxy = await TcpProxy.start(broker.port);
  proxy.rewriteDown = (chunk) =>
    Buffer.from(chunk.toString("latin1").replaceAll("\xe0\xa0\x80", "\xed\xa0\x80"), "latin1");
  sender = new KubeMQClient({ address: broker.address });
  // Always on our own transport: Connect's refuses such messages.
  transport = openTransport("fast", `http://${proxy.address}`);
  receiver = new KubeMQClient({ address: proxy.address }, { transport });
});

afterEach(async () => {
  await Promise.all([sender.close({ timeoutMs: 500 }), receiver.close({ timeoutMs: 500 })]);
  transport[Symbol.dispose]();
  await Promise.all([proxy[Symbol.asyncDispose](), broker.close()]);
});

const channel = "orders";
/** One invalid message, by its metadata and by its tags, between two valid ones. */
const messages = [
  { channel, body: "1", metadata: "good \uFFFD" },
  { channel, body: "2", metadata: intact },
  { channel, body: "3", tags: { [intact]: "x", y: intact } },
  { channel, body: "4" },
];

const ways: Record<string, () => Promise<readonly Incoming[]>> = {
  "events.subscribe": async () => {
    const subscription = receiver.events.subscribe({ channel });
    await subscription.ready;
    for (const message of messages) await sender.events.publish(message);
    return take(subscription, 4);
  },
  "eventsStore.subscribe": async () => {
    for (const message of messages) await sender.eventsStore.publish(message);
    return take(receiver.eventsStore.subscribe({ channel, start: { from: "first" } }), 4);
  },
  "eventsStore.replay": async () => {
    for (const message of messages) await sender.eventsStore.publish(message);
    return take(receiver.eventsStore.replay({ channel, start: { from: "first" } }), 4);
  },
  "queues.consume": async () => {
    for (const message of messages) await sender.queues.send(message);
    const jobs: Incoming[] = [];
    for await (const job of receiver.queues.consume({ channel })) {
      await job.ack();
      if (jobs.push(job) === 4) break;
    }
    return jobs;
  },
  "queues.receive": async () => {
    for (const message of messages) await sender.queues.send(message);
    return receiver.queues.receive({ channel, max: 4 });
  },
  "commands.subscribe": async () => {
    const seen: Incoming[] = [];
    const subscription = receiver.commands.subscribe({ channel });
    await subscription.ready;
    const serving = (async () => {
      for await (const command of subscription) {
        seen.push(command);
        await command.respond();
      }
    })();
    for (const message of messages) await sender.commands.send(message);
    await subscription.close();
    await serving;
    return seen;
  },
  "queries.send": async () => {
    const subscription = sender.queries.subscribe({ channel });
    await subscription.ready;
    const serving = (async () => {
      for await (const query of subscription) {
        await query.respond(messages[Number(query.text()) - 1] ?? { body: "none" });
      }
    })();
    const answers: Incoming[] = [];
    for (const { body } of messages) {
      const answer = await receiver.queries.send({ channel, body });
      if (answer.ok) answers.push(answer);
    }
    await subscription.close();
    await serving;
    return answers;
  },
};

test.each(Object.keys(ways))("%s decodes strings that are not UTF-8 with U+FFFD and continues", async (way) => {
  const received = await within<readonly Incoming[]>(5_000, way, ways[way]?.() ?? Promise.resolve([]));
  expect(received.map((message) => message.text())).toEqual(["1", "2", "3", "4"]);
  expect(received.map((message) => message.metadata)).toEqual(["good \uFFFD", asRead, "", ""]);
  expect(received[2]?.tags).toEqual({ [asRead]: "x", y: asRead });
  expect(received.map((message) => message.hasInvalidText)).toEqual([false, true, true, false]);
  const printed = received.map((message) => JSON.stringify(message).includes('"hasInvalidText":true'));
  expect(printed).toEqual([false, true, true, false]);
});
