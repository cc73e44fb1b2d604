import { parseArgs } from "node:util";
import { KubeMQClient, type ClientOptions } from "kubemq-es";
import { BrokerProcess } from "../support/broker-process.js";
import { commands, events, Load, queue, store } from "../support/load.js";
import { Dice } from "../support/misbehaving-server.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { sleep, until } from "../support/until.js";

/** All patterns under all faults at random, then exact accounts: `npm run soak -- --minutes 10 [--seed N]`. */
const { values } = parseArgs({
  options: { minutes: { type: "string", default: "10" }, seed: { type: "string", default: "1" } },
});
const dice = new Dice(Number(values.seed));
const forMs = Number(values.minutes) * 60_000;
const options: ClientOptions = {
  reconnect: { initialDelayMs: 20, maxDelayMs: 500 },
  keepalive: { intervalMs: 500, timeoutMs: 1_000 },
  timeoutMs: 5_000,
};

function resources() {
  globalThis.gc?.();
  return {
    heapMiB: Math.round(process.memoryUsage().heapUsed / 2 ** 20),
    handles: process.getActiveResourcesInfo().length,
  };
}

await using broker = await BrokerProcess.start();
await using proxy = await TcpProxy.start(broker.port);
const before = resources();
const sender = await KubeMQClient.connect({ ...options, address: proxy.address });
const receiver = await KubeMQClient.connect({ ...options, address: proxy.address });
const loads = [
  new Load(events(sender, receiver, "soak.events"), 100),
  new Load(store(sender, receiver, "soak.store"), 100),
  new Load(queue(sender, receiver, "soak.queue"), 40),
  new Load(commands(sender, receiver, "soak.commands"), 20),
];
for (const load of loads) load.start();

const streaming = ["SubscribeToEvents", "SubscribeToRequests", "SendEventsStream", "QueuesDownstream"] as const;
const faults: readonly [() => Promise<unknown>, ...(() => Promise<unknown>)[]] = [
  async () => proxy.reset(),
  async () => proxy.fin(),
  async () => {
    proxy.refuse();
    proxy.reset();
    await sleep(dice.below(500));
    await proxy.accept();
  },
  async () => {
    proxy.drop(dice.pick(["up", "down", "both"]));
    await sleep(dice.below(3_000));
    proxy.restore();
  },
  async () => {
    proxy.pause(dice.pick(["up", "down", "both"]));
    await sleep(dice.below(400));
    proxy.resume();
  },
  () => broker.call(["faults", "goAway"], dice.chance(0.5) ? {} : { code: 11, reason: "too_many_pings" }),
  () => broker.call(["faults", "endStreams"], { rpc: dice.pick(streaming), code: dice.pick([0, 1, 8, 14]) }),
  () => broker.call(["faults", "restart"], { downMs: dice.below(500) }),
];

const endAt = performance.now() + forMs;
await sleep(Math.min(5_000, forMs / 4));
const warm = resources();
let made = 0;
while (performance.now() < endAt) {
  await dice.pick(faults)();
  made += 1;
  await sleep(500 + dice.below(2_000));
}
await Promise.all(loads.map((load) => load.stopSending()));
await until("everything arrives", () => loads.every((load) => load.isSettled), 60_000).catch((error: unknown) =>
  console.error(error),
);
const end = resources();
const accounts = await Promise.all(loads.map((load) => load.stop()));
await Promise.all([sender.close(), receiver.close()]);
await sleep(500);
const after = resources();
const leaked = after.handles > before.handles || end.heapMiB > warm.heapMiB + 30;
const bad = accounts.some(({ lost, doubled, wrong }) => lost > 0 || doubled > 0 || wrong.length > 0);
console.log(
  JSON.stringify(
    { minutes: values.minutes, seed: values.seed, faults: made, before, warm, end, after, leaked, accounts },
    undefined,
    2,
  ),
);
process.exitCode = bad || leaked ? 1 : 0;
