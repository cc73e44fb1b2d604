import { KubeMQClient } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { Random } from "../support/random.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { sleep, until } from "../support/until.js";

/**
 * Subscribes and aborts at random times: before the call, while connecting, in back-off, in the
 * loop's body, by every way to leave a loop. Afterwards nothing may be left. Usage: `churn.ts
 * ROUNDS`.
 */
const rounds = Number(process.argv[2] ?? 10_000);
const dice = new Random(rounds);
const warnings: string[] = [];
process.on("warning", (warning) => warnings.push(warning.message));

await using broker = await startBroker();
await using proxy = await TcpProxy.start(broker.port);
await using client = await KubeMQClient.connect({
  address: proxy.address,
  reconnect: { initialDelayMs: 1, maxDelayMs: 5 },
  keepalive: { intervalMs: 200, timeoutMs: 2_000 },
});
const shared = new AbortController();
const reason = new Error("the body threw");

function open(signal: AbortSignal): AsyncIterable<{ readonly id: string }> & { close(): Promise<void> } {
  switch (dice.below(5)) {
    case 0:
      return client.eventsStore.subscribe({ channel: "s", start: { from: "first" } }, { signal });
    case 1:
      return client.commands.subscribe({ channel: "c" }, { signal });
    case 2:
      return client.queues.consume({ channel: "q" }, { signal });
    default:
      return client.events.subscribe({ channel: "e" }, { signal });
  }
}

async function round(): Promise<void> {
  const own = new AbortController();
  const way = dice.below(6);
  const delayMs = dice.below(12);
  if (way === 0) own.abort();
  const stream = open(dice.chance(0.2) ? shared.signal : own.signal);
  const leave = () => (way < 4 ? own.abort() : void stream.close());
  const timer = setTimeout(leave, delayMs);
  const last = setTimeout(() => void stream.close(), 40);
  try {
    for await (const message of stream) {
      if (message.id === "") throw new Error("a message without id");
      if (way === 3) break;
      if (way === 4) throw reason;
    }
  } catch (error) {
    if (error !== reason) throw error;
  } finally {
    clearTimeout(timer);
    clearTimeout(last);
  }
}

/** Ends the faults. */
const over = new AbortController();
const disturbing = (async () => {
  while (!over.signal.aborted) {
    await sleep(150 + dice.below(200));
    if (dice.chance(0.5)) proxy.reset();
    else broker.faults.endStreams({ code: dice.pick([0, 1, 14]) });
  }
})();
const feeding = (async () => {
  while (!over.signal.aborted) {
    await client.events.publish({ channel: "e", body: "x" }).catch(() => {});
    await client.queues.send({ channel: "q", body: "x" }).catch(() => {});
    if (dice.chance(0.05)) await client.eventsStore.publish({ channel: "s", body: "x" }).catch(() => {});
  }
})();

let left = rounds;
const worker = async () => {
  while (left-- > 0) await round();
};
await Promise.all(Array.from({ length: 50 }, worker));
over.abort();
await Promise.all([disturbing, feeding]);
const streams = () => Object.values(broker.stats().streams).reduce((sum, count) => sum + count, 0);
await until("no stream is left", () => streams() === 0);
if (warnings.length > 0) throw new Error(warnings.join("\n"));
shared.abort();
console.log("done");
