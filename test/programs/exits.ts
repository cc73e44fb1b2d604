import { KubeMQClient } from "kubemq-es";
import { sleep, stopwatch, until, within } from "../support/until.js";

/**
 * Brings a client into a state and closes it; the process must then end by itself, and prints after
 * how many milliseconds.
 * Usage: `exits.ts STATE ADDRESS`.
 */
const [state = "", address = ""] = process.argv.slice(2);
const client = new KubeMQClient({
  address,
  timeoutMs: 60_000,
  keepalive: { intervalMs: 20_000, timeoutMs: 20_000 },
  reconnect: { initialDelayMs: 20_000, maxDelayMs: 20_000 },
});
const unanswered = () => client.ping().catch(() => {});

async function reach(): Promise<void> {
  switch (state) {
    case "unused":
      return;
    case "idle":
    case "idle, never closed":
      await client.ping();
      return;
    case "streams of every kind": {
      const publishers = [
        client.events.publisher(),
        client.eventsStore.publisher(),
        client.queues.publisher(),
      ] as const;
      const streams = [
        client.events.subscribe({ channel: "c" }),
        client.eventsStore.subscribe({ channel: "c", start: { from: "first" } }),
        client.commands.subscribe({ channel: "c" }),
        client.queries.subscribe({ channel: "c" }),
        client.queues.consume({ channel: "c" }),
        client.queues.consume({ channel: "c", visibilitySeconds: 60 }),
      ];
      await publishers[0].publish({ channel: "d", body: "x" });
      await publishers[1].publish({ channel: "d", body: "x" });
      await publishers[2].send({ channel: "d", body: "x" });
      await Promise.all(streams.slice(0, 4).map((stream) => stream.ready));
      await new Promise<void>((resolve) => {
        void client.queues.process({ channel: "d" }, () => {
          resolve();
          return new Promise<void>(() => {});
        });
      });
      void client.status()[Symbol.asyncIterator]().next();
      return;
    }
    case "waiting to come back":
      client.events.subscribe({ channel: "c" });
      await until("back-off", () => client.state === "reconnecting");
      return;
    case "connecting":
      void unanswered();
      client.events.subscribe({ channel: "c" });
      await sleep(200);
      return;
    case "a call without an answer":
      await client.ping();
      client.events.subscribe({ channel: "c" });
      console.log("cut");
      await sleep(300);
      void unanswered();
      return;
    default:
      throw new Error(`no such state: ${state}`);
  }
}

await reach();
if (state !== "idle, never closed") {
  await within(1_500, "close()", Promise.all([client.close({ timeoutMs: 400 }), client.close()]));
  await client.close();
  if (client.state !== "closed") throw new Error(`the state is ${client.state}`);
}
const sinceDone = stopwatch();
process.once("exit", () => console.log(`exit after ${sinceDone()} ms`));
