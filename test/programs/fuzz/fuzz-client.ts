import { subscribe } from "node:diagnostics_channel";
import { KubeMQClient, KubeMQError, type DiagnosticStatus, type ErrorCode } from "kubemq-es";
import { Random } from "../../support/random.js";
import { sleep, until, within } from "../../support/until.js";

/**
 * The clients of the fuzz test, in a separate process: `fuzz-client.ts ADDRESS SEED`. Each round is
 * a new client that calls, publishes, subscribes and consumes. Every promise must settle with a
 * result or a KubeMQError, and every loop must end. One client exists for the whole run. The line
 * `stop` ends the rounds. The line `healthy` reports that a correct server listens on the address:
 * the long-lived client must recover, a new one must work, and then the process must end by itself.
 */
const [address = "", seed = "1"] = process.argv.slice(2);
const dice = new Random(Number(seed) + 1);
const atOnce = 12;
const boundMs = 8_000;

/** The final report of the process. */
export interface FuzzReport {
  readonly rounds: number;
  /** Number of outcomes by kind of call and error code; `ok` for success. */
  readonly outcomes: Record<string, Record<string, number>>;
  /** How often a stream was lost and retried, and how often it recovered. */
  readonly reconnects: { retry: number; resumed: number };
  readonly failures: readonly string[];
}

const codes: Record<ErrorCode, true> = {
  INVALID_ARGUMENT: true,
  UNAVAILABLE: true,
  TIMEOUT: true,
  UNAUTHENTICATED: true,
  PERMISSION_DENIED: true,
  NOT_FOUND: true,
  UNSUPPORTED: true,
  RESOURCE_EXHAUSTED: true,
  CLIENT_CLOSED: true,
  STREAM_CONSUMED: true,
  ALREADY_SETTLED: true,
  LEASE_LOST: true,
  ALREADY_RESPONDED: true,
  ENCODE_FAILED: true,
  DECODE_FAILED: true,
  REJECTED_BY_SERVER: true,
  PROTOCOL: true,
  INTERNAL: true,
};

const outcomes: Record<string, Record<string, number>> = {};
const reconnects = { retry: 0, resumed: 0 };
const failures: string[] = [];
const message = { channel: "c", body: "x" };
const bulk = { channel: "c", body: Buffer.alloc(1_000_000) };

process.on("warning", (warning) => failures.push(`warning: ${warning.message}`));
subscribe("kubemq-es:status", (told) => {
  const { type } = (told as DiagnosticStatus).status;
  if (type === "retry" || type === "resumed") reconnects[type] += 1;
});

type Kind = "unary" | "receiving" | "both ways";

function settled(kind: Kind, what: string, promise: Promise<unknown>): Promise<void> {
  const row = (outcomes[kind] ??= {});
  const count = (outcome: string) => void (row[outcome] = (row[outcome] ?? 0) + 1);
  return promise.then(
    () => count("ok"),
    (error: unknown) => {
      if (KubeMQError.is(error) && Object.hasOwn(codes, error.code) && error.message !== "") count(error.code);
      else failures.push(`${what} rejected with ${String(error)}`);
    },
  );
}

async function loop(source: AsyncIterable<unknown>): Promise<void> {
  let seen = 0;
  for await (const item of source) if (item !== undefined && ++seen > 5) break;
}

const works: readonly (readonly [Kind, string, (client: KubeMQClient) => Promise<unknown>])[] = [
  ["unary", "ping", (client) => client.ping()],
  ["unary", "publish", (client) => client.events.publish(message)],
  ["unary", "command", (client) => client.commands.send(message)],
  ["unary", "query", (client) => client.queries.send(message)],
  ["unary", "channels", (client) => client.channels.list("queues")],
  ["unary", "send", (client) => client.queues.send(message)],
  ["both ways", "publisher", (client) => client.events.publisher().publish(message)],
  ["both ways", "stored publisher", (client) => client.eventsStore.publisher().publish(message)],
  ["both ways", "queue publisher", (client) => client.queues.publisher().send(message)],
  ["both ways", "bulk", (client) => Promise.all([1, 2, 3, 4].map(() => client.queues.publisher().send(bulk)))],
  ["both ways", "receive", (client) => client.queues.receive({ channel: "c", waitSeconds: 1 })],
  ["both ways", "consume", (client) => loop(client.queues.consume({ channel: "c" }))],
  ["both ways", "batches", (client) => loop(client.queues.consumeBatches({ channel: "c", max: 5 }))],
  ["both ways", "lease", (client) => loop(client.queues.consume({ channel: "c", visibilitySeconds: 5 }))],
  ["receiving", "events", (client) => loop(client.events.subscribe({ channel: "c" }))],
  ["receiving", "store", (client) => loop(client.eventsStore.subscribe({ channel: "c", start: { from: "first" } }))],
  ["receiving", "commands", (client) => loop(client.commands.subscribe({ channel: "c" }))],
  ["receiving", "queries", (client) => loop(client.queries.subscribe({ channel: "c" }))],
];

/** Waits for a promise, for at most `ms`. */
async function first(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

async function round(): Promise<void> {
  const client = new KubeMQClient({
    address,
    timeoutMs: 500,
    connectTimeoutMs: 500,
    keepalive: { intervalMs: 100, timeoutMs: 100 },
    reconnect: { initialDelayMs: 1, maxDelayMs: 8, maxAttempts: 6 },
  });
  const chosen = [...works].sort(() => dice.next() - 0.5).slice(0, 1 + dice.below(5));
  const work = chosen.map(([kind, what, begin]) => settled(kind, what, begin(client)));
  const pending = new Set(work);
  for (const one of work) void one.then(() => pending.delete(one));
  await first(dice.below(600), Promise.all(work));
  await client.close({ timeoutMs: 60 });
  await within(boundMs, "the end of the work", Promise.all(work)).catch(() => {});
  if (pending.size > 0) {
    failures.push(
      `hangs after close: ${work.flatMap((one, n) => (pending.has(one) ? [chosen[n]?.[1]] : [])).join(", ")}`,
    );
  }
  if (client.state !== "closed") failures.push(`the state is ${client.state}`);
}

/** A permanent subscriber: after a typed error it subscribes again. */
function stay(client: KubeMQClient): () => Promise<void> {
  const leaving = new AbortController();
  let heard: (() => void) | undefined;
  const life = (async () => {
    while (!leaving.signal.aborted) {
      const listening = async () => {
        for await (const event of client.events.subscribe({ channel: "healthy" })) {
          if (new TextDecoder().decode(event.body) === "are you there") heard?.();
        }
      };
      await settled("receiving", "the client that stays", listening());
      await sleep(5);
    }
  })();
  return async () => {
    const answered = new Promise<void>((resolve) => (heard = resolve));
    let there = false;
    void answered.then(() => (there = true));
    await until(
      "the client that stayed is back",
      async () => {
        await client.events.publish({ channel: "healthy", body: "are you there" }).catch(() => {});
        return there;
      },
      15_000,
    );
    leaving.abort();
    await client.close();
    await within(boundMs, "the client that stayed has ended", life);
  };
}

/** One call of each kind, on a correct server. */
async function workWell(): Promise<void> {
  await using client = new KubeMQClient({ address });
  await client.ping();
  const [event] = await Promise.all([
    (async () => {
      for await (const one of client.events.subscribe({ channel: "well" })) return one;
      return undefined;
    })(),
    until("the subscription is there", () => client.state === "ready").then(() =>
      client.events.publish({ channel: "well", body: "w" }),
    ),
  ]);
  if (event === undefined) throw new Error("no event came");
  await client.queues.publisher().send({ channel: "well", body: "w" });
  const received = await client.queues.receive({ channel: "well", waitSeconds: 5 });
  if (received.length !== 1) throw new Error(`${received.length} messages came`);
}

const stop = new AbortController();
let rounds = 0;
const healthy = new Promise<void>((resolve) => {
  process.on("message", (word) => {
    if (word === "stop") stop.abort();
    if (word === "healthy") resolve();
  });
});
process.once("disconnect", () => {
  if (!stop.signal.aborted) process.exit(1);
});
const staying = new KubeMQClient({
  address,
  timeoutMs: 500,
  keepalive: { intervalMs: 1_000, timeoutMs: 1_000 },
  reconnect: { initialDelayMs: 1, maxDelayMs: 50 },
});
const findBack = stay(staying);
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    while (!stop.signal.aborted && failures.length === 0) {
      rounds += 1;
      await round();
    }
  }),
);
process.send?.("stopped");
await healthy;
for (const [what, proof] of [
  ["the client that stayed", findBack],
  ["a new client", workWell],
] as const) {
  await within(20_000, what, proof()).catch((error: unknown) => failures.push(`${what}: ${String(error)}`));
}
process.send?.({ rounds, outcomes, reconnects, failures: failures.slice(0, 10) } satisfies FuzzReport);
if (failures.length > 0) process.exitCode = 1;
process.disconnect();
// Reports what keeps the process alive, if it does not end.
setTimeout(() => console.error(`still there: ${process.getActiveResourcesInfo().join(", ")}`), 5_000).unref();
