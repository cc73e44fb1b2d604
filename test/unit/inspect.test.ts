import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Code } from "@connectrpc/connect";
import { KubeMQClient, KubeMQError } from "kubemq-es";
import { startBroker, type Broker } from "kubemq-es/testing";
import { TransportError } from "../../src/support/transport-error.js";

/** What `console.log` prints, without what differs from run to run. */
const shown = (value: unknown) =>
  inspect(value, { breakLength: Infinity, compact: 3 })
    .replace(/\bid: '\w{12}'/g, "id: ID")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replace(/127\.0\.0\.1:\d+/g, "SERVER");

let broker: Broker;
let client: KubeMQClient;
beforeAll(async () => {
  broker = await startBroker({ token: "a-secret" });
  client = new KubeMQClient({ address: broker.address, clientId: "me", authToken: "a-secret" });
});
afterAll(async () => {
  await client.close();
  await broker.close();
});

async function first<T>(items: AsyncIterable<T>): Promise<T> {
  for await (const item of items) return item;
  throw new Error("nothing came");
}

async function event(body: string | Uint8Array, tags: Record<string, string> = {}) {
  const events = client.events.subscribe({ channel: "e" });
  await events.ready;
  await client.events.publish({ channel: "e", body, tags });
  return first(events);
}

describe("util.inspect shows", () => {
  test("a client without its token", async () => {
    await client.ping();
    expect(shown(client)).toBe("KubeMQClient { server: 'SERVER', state: 'ready', clientId: 'me' }");
    expect(inspect(client, { showHidden: true, depth: Infinity })).not.toContain("a-secret");
    expect(shown([[[client]]])).toBe("[ [ [ [KubeMQClient] ] ] ]");
  });

  test.each<[string, string | Uint8Array, string]>([
    ["a short string", 'two "chairs"\n\u001b[31m', `'two "chairs"\\n\\x1B[31m'`],
    ["200 bytes", "x".repeat(200), `'${"x".repeat(200)}'`],
    ["the beginning of a longer string", `${"x".repeat(199)}ü`, `'${"x".repeat(199)}'... 201 bytes`],
    ["bytes that are not UTF-8", Uint8Array.of(0xff, 0), "<Buffer ff 00>"],
  ])("a body as %s", async (_, body, expected) => {
    expect(shown(await event(body))).toBe(`EventMessage { channel: 'e', id: ID, body: ${expected} }`);
  });

  test("an event with tags, and a subscription", async () => {
    expect(shown(await event("x", { a: "b" }))).toBe(
      "EventMessage { channel: 'e', id: ID, tags: { a: 'b' }, body: 'x' }",
    );
    const events = client.events.subscribe({ channel: "e" });
    expect(shown(events)).toBe("Subscription { operation: 'events.subscribe', channel: 'e', state: 'open' }");
    await events.close();
    expect(shown(events)).toBe("Subscription { operation: 'events.subscribe', channel: 'e', state: 'closed' }");
  });

  test("a stored event, and the position of its subscription", async () => {
    await client.eventsStore.publish({ channel: "s", body: "x", metadata: "m" });
    const events = client.eventsStore.subscribe({ channel: "s", start: { from: "first" } });
    expect(shown(await first(events))).toBe(
      "StoredEvent { channel: 's', id: ID, sequence: 1n, timestamp: TIME, metadata: 'm', body: 'x' }",
    );
    expect(shown(events)).toBe(
      "StoreSubscription { operation: 'eventsStore.subscribe', channel: 's', state: 'closed' }",
    );
  });

  test("queue messages", async () => {
    const policy = { deadLetter: { queue: "dead", maxReceiveCount: 3 } };
    await client.queues.send({ channel: "q", body: "x", policy });
    const [peeked] = await client.queues.peek({ channel: "q" });
    const known = "channel: 'q', id: ID, sequence: 1n, receiveCount: ";
    const rest = "policy: { deadLetter: { queue: 'dead', maxReceiveCount: 3 } }";
    expect(shown(peeked)).toBe(`QueueMessage { ${known}1, timestamp: TIME, ${rest}, body: 'x' }`);
    for await (const job of client.queues.consume({ channel: "q" })) {
      expect(shown(job)).toBe(`Delivery { ${known}1, timestamp: TIME, ${rest}, settled: false, body: 'x' }`);
      await job.ack();
      expect(shown(job)).toContain("settled: true");
      break;
    }
  });

  test("requests, their answer and their service", async () => {
    const requests: string[] = [];
    const queries = client.queries.handle({ channel: "r" }, (query) => {
      requests.push(shown(query));
      return "yes";
    });
    const commands = client.commands.handle({ channel: "r" }, (command) => void requests.push(shown(command)));
    await Promise.all([queries.ready, commands.ready]);
    const answer = await client.queries.send({ channel: "r", body: "x", cache: { key: "k", ttlSeconds: 1 } });
    await client.commands.send({ channel: "r", body: "x" });
    const known = "{ channel: 'r', id: ID, clientId: 'me', timeoutMs: 10000, isOpen: true";
    expect(requests).toEqual([
      `IncomingQuery ${known}, cacheKey: 'k', body: 'x' }`,
      `IncomingCommand ${known}, body: 'x' }`,
    ]);
    expect(shown(answer)).toBe(
      "QueryResponse { channel: 'r', id: ID, ok: true, cacheHit: false, clientId: 'me', timestamp: TIME, body: 'yes' }",
    );
    const service = "Service { operation: 'queries.handle', channel: 'r', state:";
    expect(shown(queries)).toBe(`${service} 'open', running: 0 }`);
    await queries.close();
    expect(shown(queries)).toBe(`${service} 'closed', running: 0 }`);
  });

  test("an inspected error has its stack, its properties, and the reason of the transport in one line", () => {
    const cause = new TransportError({ kind: "reset", rstCode: 2, unprocessed: false }, Code.Unavailable, "reset");
    const error = new KubeMQError("UNAVAILABLE", "the server reset the stream", { channel: "q", cause });
    const [line, ...lines] = shown(error).split("\n");
    expect(line).toBe("KubeMQError: the server reset the stream");
    expect(lines.filter((stacked) => !/^ +(at|\.\.\.) /.test(stacked)).join("\n")).toBe(
      `  code: 'UNAVAILABLE',
  retryable: true,
  channel: 'q',
  [cause]: TransportError { message: '[unavailable] reset', fault: { kind: 'reset', rstCode: 2, unprocessed: false } }
}`,
    );
  });
});
