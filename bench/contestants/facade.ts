import { KubeMQClient } from "../client.js";
import type { EventPublisher, OutgoingMessage } from "../../src/index.js";
import { bodyOf, byPort, CHANNEL, CLIENT_ID, MAY_LOSE, plainBody as body, QUEUE, repeat } from "./contestant.js";
import type { Contestant } from "./contestant.js";

/** This package's public API. */
export function facade(): Contestant {
  const clientOf = byPort(
    (port) => new KubeMQClient({ address: `127.0.0.1:${port}`, clientId: CLIENT_ID, timeoutMs: 5_000 }),
  );
  return {
    async receive(port, count) {
      let received = 0;
      let bytes = 0;
      for await (const event of clientOf(port).events.subscribe({ channel: CHANNEL })) {
        bytes += event.body.length;
        if (++received === count) break;
      }
      if (bytes === 0) throw new Error("no bodies");
    },

    async send(port, size, count, answered) {
      const { events, eventsStore } = clientOf(port);
      await using publisher: EventPublisher<unknown> = answered ? eventsStore.publisher() : events.publisher();
      const published = await publisher.publishAll(messages(bodyOf(size), count));
      if (published !== count) throw new Error(`${published} of ${count} published`);
    },

    unary(port, count, atOnce) {
      const client = clientOf(port);
      return repeat(count, atOnce, () => client.ping());
    },

    plain(port, pattern, count, atOnce) {
      const { queues, eventsStore } = clientOf(port);
      const queueMessage = () => queues.send({ channel: QUEUE, body });
      const storedEvent = () => eventsStore.publish({ channel: CHANNEL, body });
      return repeat(count, atOnce, pattern === "queue" ? queueMessage : storedEvent, MAY_LOSE);
    },

    async poll(port, count) {
      const times: number[] = [];
      let started = performance.now();
      for await (const job of clientOf(port).queues.consume({ channel: QUEUE })) {
        await job.ack();
        const now = performance.now();
        times.push(now - started);
        started = now;
        if (times.length === count) break;
      }
      return times;
    },
  };
}

function* messages(body: Uint8Array, count: number): Generator<OutgoingMessage> {
  for (let sent = 0; sent < count; sent++) yield { channel: CHANNEL, body };
}
