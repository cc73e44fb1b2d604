import { pathToFileURL } from "node:url";
import { WINDOW } from "../loads.js";
import { bodyOf, byPort, CHANNEL, CLIENT_ID, MAY_LOSE, plainBody as body, QUEUE, repeat } from "./contestant.js";
import type { Contestant } from "./contestant.js";

/** The parts of kubemq-js 3.0 that the loads use. */
interface Client {
  ping(): Promise<unknown>;
  sendQueueMessage(message: Message): Promise<unknown>;
  sendEventStore(message: Message): Promise<unknown>;
  createEventStream(): EventStream;
  createEventStoreStream(): EventStream;
  subscribeToEvents(request: {
    channel: string;
    onEvent(event: { body: Uint8Array }): void;
    onError(error: Error): void;
  }): { cancel(): void };
  streamQueueMessages(request: { channel: string; maxMessages: number; waitTimeoutSeconds: number }): {
    onMessages(handler: (messages: { ack(): void }[]) => void): void;
    onError(handler: (error: Error) => void): void;
    close(): void;
  };
}

interface Message {
  readonly channel: string;
  readonly body: Uint8Array;
}

interface EventStream {
  send(message: Message): Promise<void>;
  close(): void;
}

interface Module {
  readonly KubeMQClient: { create(options: { address: string; clientId: string }): Promise<Client> };
}

/**
 * KubeMQ's own client, version 3.0. The package registry has only older versions, so its folder is
 * given.
 */
export async function kubemqJs(): Promise<Contestant> {
  const folder = process.env["KUBEMQ_JS"] ?? "";
  const { KubeMQClient } = (await import(pathToFileURL(`${folder}/dist/index.js`).href)) as Module;
  const clientOf = byPort((port) => KubeMQClient.create({ address: `127.0.0.1:${port}`, clientId: CLIENT_ID }));
  return {
    async receive(port, count) {
      const client = await clientOf(port);
      await new Promise<void>((resolve, reject) => {
        let received = 0;
        let bytes = 0;
        const subscription = client.subscribeToEvents({
          channel: CHANNEL,
          onEvent(event) {
            bytes += event.body.length;
            if (++received !== count) return;
            subscription.cancel();
            if (bytes > 0) resolve();
            else reject(new Error("no bodies"));
          },
          onError: reject,
        });
      });
    },

    async send(port, size, count, answered) {
      const client = await clientOf(port);
      const message = { channel: CHANNEL, body: bodyOf(size) };
      const stream = answered ? client.createEventStoreStream() : client.createEventStream();
      await repeat(count, answered ? WINDOW : 1, () => stream.send(message));
      stream.close();
      if (!answered) await client.ping(); // its answer proves that the server has read what came before
    },

    async unary(port, count, atOnce) {
      const client = await clientOf(port);
      await repeat(count, atOnce, () => client.ping());
    },

    async plain(port, pattern, count, atOnce) {
      const client = await clientOf(port);
      const queueMessage = () => client.sendQueueMessage({ channel: QUEUE, body });
      const storedEvent = () => client.sendEventStore({ channel: CHANNEL, body });
      await repeat(count, atOnce, pattern === "queue" ? queueMessage : storedEvent, MAY_LOSE);
    },

    /** Its acks are not confirmed. */
    async poll(port, count) {
      const client = await clientOf(port);
      const times: number[] = [];
      let started = performance.now();
      await new Promise<void>((resolve, reject) => {
        const stream = client.streamQueueMessages({ channel: QUEUE, maxMessages: 1, waitTimeoutSeconds: 1 });
        stream.onError(reject);
        stream.onMessages(([message]) => {
          if (times.length === count) return;
          message?.ack();
          const now = performance.now();
          times.push(now - started);
          started = now;
          if (times.length < count) return;
          stream.close();
          resolve();
        });
      });
      return times;
    },
  };
}
