// The HTTP side of the broker's page. `npm run test:browser` looks at the page itself.
import { request } from "node:http";
import { Script } from "node:vm";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { startBroker, type Broker } from "kubemq-es/testing";

let broker: Broker;
let client: KubeMQClient;
let port: number;

beforeAll(async () => {
  broker = await startBroker({ ui: true });
  port = Number(new URL(broker.uiUrl ?? "").port);
  client = await KubeMQClient.connect({ address: broker.address });
});
afterAll(async () => {
  await client.close();
  await broker.close();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** fetch() does not let a program set Host and Origin. */
function ask(path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const { method = "GET", headers = {}, body } = options;
    const call = request({ port, path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    call.on("error", reject).end(body);
  });
}

const sameOrigin = () => ({ origin: `http://localhost:${port}`, "content-type": "application/json" });
const post = (path: string, value: object, headers: Record<string, string> = sameOrigin()) =>
  ask(path, { method: "POST", headers: { host: `localhost:${port}`, ...headers }, body: JSON.stringify(value) });

interface State {
  readonly stats: unknown;
  readonly channels: unknown;
  readonly faults: unknown;
  readonly quirks: unknown;
  readonly messages: {
    readonly body: string;
    readonly encoding: string;
    readonly bytes: number;
    readonly cut: boolean;
  }[];
}
const state = async (query = "") => JSON.parse((await ask(`/state${query}`)).text) as State;

describe("the page of the broker", () => {
  test("the broker's page has a script without syntax errors and a policy that allows no other source", async () => {
    const page = await ask("/");
    expect(page).toMatchObject({ status: 200, headers: { "content-type": "text/html; charset=utf-8" } });
    expect(page.headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(page.headers["access-control-allow-origin"]).toBeUndefined();
    const script = await ask("/page.js");
    expect(new Script(script.text)).toBeDefined();
    expect((await ask("/page.css")).headers["content-type"]).toMatch("text/css");
  });

  test.each([
    ["a name that resolves to 127.0.0.1", "/state", { headers: { host: "rebound.example" } }, 403],
    ["the right name with another port", "/", { headers: { host: "localhost:1" } }, 403],
    ["an unknown path", "/etc/passwd", {}, 404],
    ["a change with GET", "/send", {}, 404],
  ])("refuses %s", async (_what, path, options, status) => {
    expect((await ask(path, options)).status).toBe(status);
  });

  test.each([
    ["another website", { origin: "http://evil.example", "content-type": "application/json" }, 403],
    ["a page on another port", { origin: "http://localhost:1", "content-type": "application/json" }, 403],
    ["a request without an origin", { "content-type": "application/json" }, 403],
    ["a form", { origin: "same", "content-type": "text/plain" }, 415],
  ])("refuses a change that comes from %s", async (_who, { origin, ...headers }: Record<string, string>, status) => {
    const from = origin === undefined ? {} : { origin: origin === "same" ? sameOrigin().origin : origin };
    const answer = await post("/fault", { fault: "refuseConnections" }, { ...headers, ...from });
    expect(answer.status).toBe(status);
    expect(broker.faults.active().connectionsRefused).toBe(false);
  });

  test("the broker's page shows the figures of stats(), channels() and queues.info() under load", async () => {
    const taken = { stats: jest.spyOn(broker, "stats"), channels: jest.spyOn(broker, "channels") };
    try {
      let answers = 0;
      for (let round = 0; round < 10; round++) {
        const load = Array.from({ length: 100 }, () => ({ channel: "load", body: "work" }));
        const sent = client.queues.sendBatch(load);
        const received = client.queues.receive({ channel: "load", max: 70, waitSeconds: 1 });
        for (let n = 0; n < 3; n++) {
          const { stats, channels } = await state();
          // The page reads them once for each answer; the broker is in this process and moves on.
          expect(stats).toEqual(taken.stats.mock.results[answers]?.value);
          expect(channels).toEqual(taken.channels.mock.results[answers]?.value);
          answers++;
        }
        await Promise.all([sent, received]);
      }
    } finally {
      taken.stats.mockRestore();
      taken.channels.mockRestore();
    }
    const { stats, channels, faults, quirks } = await state();
    expect({ stats, channels }).toEqual({ stats: broker.stats(), channels: broker.channels() });
    expect({ faults, quirks }).toEqual({ faults: broker.faults.active(), quirks: broker.quirks });
    expect(channels).toContainEqual({
      kind: "queues",
      name: "load",
      depth: 300,
      consumers: 0,
      messagesIn: 1000,
      messagesOut: 700,
    });
    await client.queues.peek({ channel: "load", max: 10, waitSeconds: 1 });
    expect(broker.channels()).toEqual(channels); // a peek is no delivery
    const { queues } = await client.queues.info("load");
    expect(queues).toMatchObject([{ waiting: 300 }]);
    expect(broker.stats().messages.queues).toMatchObject({ load: 300 });
  });

  test("the broker's page counts the consumers of every pattern", async () => {
    const signal = { signal: AbortSignal.timeout(10_000) };
    await using events = client.events.subscribe({ channel: "watched" }, signal);
    await using grouped = client.events.subscribe({ channel: "watched", group: "g" }, signal);
    await using stored = client.eventsStore.subscribe({ channel: "watched", start: { from: "first" } }, signal);
    await using handled = client.commands.handle({ channel: "watched" }, () => {}, signal);
    await Promise.all([events.ready, grouped.ready, stored.ready, handled.ready]);
    const consumers = broker
      .channels()
      .flatMap(({ kind, name, consumers }) => (name === "watched" ? [[kind, consumers]] : []));
    expect(consumers).toEqual([
      ["events", 2],
      ["eventsStore", 1],
      ["commands", 1],
    ]);
  });

  test.each(["events", "eventsStore", "queues"] as const)("sends to %s, and shows the message", async (kind) => {
    const channel = `form.${kind}`;
    const sent = await post("/send", { kind, channel, body: "<b>&\u0000", metadata: "m", tags: { a: "1" } });
    expect(sent).toMatchObject({ status: 200, text: expect.stringMatching(/^{"outcome":"sent \w{22}"}$/) });
    await post("/send", { kind, channel, body: "ff 00 0A", encoding: "hex" });
    const { messages } = await state(`?kind=${kind}&channel=${channel}`);
    expect(messages).toMatchObject([
      { encoding: "hex", body: "ff000a", bytes: 3 },
      { encoding: "utf8", body: "<b>&\u0000", metadata: "m", tags: { a: "1" }, cut: false },
    ]);
  });

  test("the form of the broker's page sends a command and shows its answer or its error", async () => {
    await using handled = client.queries.handle({ channel: "ask" }, ({ body }) => ({ body: `got ${body.length}` }));
    await handled.ready;
    const answered = await post("/send", { kind: "queries", channel: "ask", body: "abc" });
    expect(answered).toMatchObject({ status: 200, text: '{"outcome":"executed, answered got 3"}' });
    const refused = await post("/send", { kind: "commands", channel: "a b", body: "x" });
    expect(refused).toMatchObject({ status: 400, text: expect.stringContaining("no white spaces are allowed") });
  });

  test.each([
    ["an unknown kind", "/send", { kind: "topics", channel: "a", body: "b" }],
    ["half a byte", "/send", { kind: "queues", channel: "a", body: "abc", encoding: "hex" }],
    ["a tag that is no string", "/send", { kind: "queues", channel: "a", body: "b", tags: { a: 1 } }],
    ["an empty queue message without a channel", "/send", { kind: "queues", channel: "", body: "b" }],
    ["an unknown fault", "/fault", { fault: "constructor" }],
    ["an unknown quirk", "/fault", { quirk: "toString", on: true }],
    ["a negative delay", "/fault", { fault: "delayReplies", ms: -1 }],
  ])("refuses %s with status 400", async (_what, path, value) => {
    expect((await post(path, value)).status).toBe(400);
  });

  test("the broker keeps the first bytes of the last 20 messages of a channel for its page", async () => {
    const long = `${"€".repeat(1365)}€€`; // 4096 bytes end in the middle of a character
    for (let n = 0; n < 20; n++) await client.eventsStore.publish({ channel: "many", body: String(n) });
    await client.eventsStore.publish({ channel: "many", body: long });
    const { messages } = await state("?kind=eventsStore&channel=many");
    expect(messages.map(({ body }) => body).slice(1)).toEqual(Array.from({ length: 19 }, (_, n) => String(19 - n)));
    expect(messages[0]).toMatchObject({ encoding: "utf8", body: "€".repeat(1365), bytes: 4101, cut: true });
  });

  test("the buttons of the broker's page inject faults, and the page shows the active ones", async () => {
    const inForce = async (value: object) => {
      expect(await post("/fault", value)).toMatchObject({ status: 200 });
      return (await state()).faults;
    };
    const none = { connectionsRefused: false, readingPaused: false, writingPaused: false, replyDelayMs: 0 };
    expect(await inForce({ fault: "refuseConnections" })).toEqual({ ...none, connectionsRefused: true });
    expect(await inForce({ fault: "allowConnections" })).toEqual(none);
    expect(await inForce({ fault: "pauseReading" })).toEqual({ ...none, readingPaused: true });
    expect(await inForce({ fault: "resumeReading" })).toEqual(none);
    expect(await inForce({ fault: "pauseWriting" })).toEqual({ ...none, writingPaused: true });
    expect(await inForce({ fault: "resumeWriting" })).toEqual(none);
    expect(await inForce({ fault: "delayReplies", ms: 5 })).toEqual({ ...none, replyDelayMs: 5 });
    expect(await inForce({ fault: "delayReplies", ms: 0 })).toEqual(none);
    await post("/fault", { quirk: "reorderUpstream", on: true });
    expect(broker.quirks.reorderUpstream).toBe(true);
    await post("/fault", { quirk: "reorderUpstream", on: false });
    await post("/fault", { fault: "restart", keepMemory: false });
    expect(await state("?kind=eventsStore&channel=many")).toMatchObject({ channels: [], messages: [] });
  });
});

test("startBroker rejects when the port of the page is taken, and leaves no broker running", async () => {
  const other = await startBroker();
  const free = other.port;
  await other.close();
  await expect(startBroker({ port: free, ui: { port } })).rejects.toThrow("EADDRINUSE");
  await (await startBroker({ port: free })).close();
});
