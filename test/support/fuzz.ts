import { KubeMQClient, KubeMQError, type ErrorCode } from "kubemq-es";
import { Dice, startMisbehavingServer } from "./misbehaving-server.js";
import { sleep } from "./until.js";

/**
 * Runs clients against a server that misbehaves, until it has done so often enough: `fuzz.ts ANSWERS [SEED]`. Each round is a client of its own that calls, publishes,
 * subscribes and consumes. Every promise must settle with a result or a KubeMQError, every loop must end; nothing may crash the process.
 */
const enough = Number(process.argv[2] ?? 1_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const atOnce = 12;
const dice = new Dice(seed);
const boundMs = 8_000;

const outcomes = new Map<string, number>();
const failures: string[] = [];
const message = { channel: "c", body: "x" };

process.on("warning", (warning) => failures.push(`warning: ${warning.message}`));

function settled(what: string, promise: Promise<unknown>): Promise<void> {
  const count = (outcome: string) => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  return promise.then(
    () => count("ok"),
    (error: unknown) => {
      if (KubeMQError.is(error)) count(error.code satisfies ErrorCode);
      else failures.push(`${what} rejected with ${String(error)}`);
    },
  );
}

async function loop(source: AsyncIterable<unknown>): Promise<void> {
  let seen = 0;
  for await (const item of source) if (item !== undefined && ++seen > 5) break;
}

const works: readonly (readonly [string, (client: KubeMQClient) => Promise<unknown>])[] = [
  ["ping", (client) => client.ping()],
  ["publish", (client) => client.events.publish(message)],
  ["publisher", (client) => client.events.publisher().publish(message)],
  ["stored publisher", (client) => client.eventsStore.publisher().publish(message)],
  ["command", (client) => client.commands.send(message)],
  ["query", (client) => client.queries.send(message)],
  ["channels", (client) => client.channels.list("queues")],
  ["send", (client) => client.queues.send(message)],
  ["queue publisher", (client) => client.queues.publisher().send(message)],
  ["receive", (client) => client.queues.receive({ channel: "c", waitSeconds: 1 })],
  ["events", (client) => loop(client.events.subscribe({ channel: "c" }))],
  ["store", (client) => loop(client.eventsStore.subscribe({ channel: "c", start: { from: "first" } }))],
  ["commands", (client) => loop(client.commands.subscribe({ channel: "c" }))],
  ["queries", (client) => loop(client.queries.subscribe({ channel: "c" }))],
  ["consume", (client) => loop(client.queues.consume({ channel: "c" }))],
  ["batches", (client) => loop(client.queues.consumeBatches({ channel: "c", max: 5 }))],
  ["lease", (client) => loop(client.queues.consume({ channel: "c", visibilitySeconds: 5 }))],
];

async function round(address: string): Promise<void> {
  const client = new KubeMQClient({
    address,
    timeoutMs: 500,
    connectTimeoutMs: 500,
    keepalive: { intervalMs: 100, timeoutMs: 100 },
    reconnect: { initialDelayMs: 1, maxDelayMs: 8, maxAttempts: 6 },
  });
  const chosen = [...works].sort(() => dice.next() - 0.5).slice(0, 1 + dice.below(5));
  const work = chosen.map(([what, begin]) => settled(what, begin(client)));
  const pending = new Set(work);
  for (const one of work) void one.then(() => pending.delete(one));
  await Promise.race([Promise.all(work), sleep(dice.below(600))]);
  await client.close({ timeoutMs: 60 });
  await Promise.race([Promise.all(work), sleep(boundMs)]);
  if (pending.size > 0) {
    failures.push(
      `hangs after close: ${work.flatMap((one, n) => (pending.has(one) ? [chosen[n]?.[0]] : [])).join(", ")}`,
    );
  }
  if (client.state !== "closed") failures.push(`the state is ${client.state}`);
}

async function run(): Promise<{ rounds: number; answers: number }> {
  using server = await startMisbehavingServer(seed);
  let rounds = 0;
  const worker = async () => {
    while (server.answers < enough && failures.length === 0) {
      rounds += 1;
      await round(server.address);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { rounds, answers: server.answers };
}

const done = await run();
console.log(JSON.stringify({ ...done, seed, outcomes: Object.fromEntries(outcomes), failures: failures.slice(0, 10) }));
if (failures.length === 0) console.log("done");
// Said, not left to come by itself: after some of these floods Node.js 20 waits for ever, in its own tear-down, for writes of
// sessions that it has destroyed.
process.exit(failures.length === 0 ? 0 : 1);
