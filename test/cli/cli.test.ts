import { once } from "node:events";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { startBroker, type Broker } from "kubemq-es/testing";
import { until, within } from "../support/until.js";
import { build, discard, startOnTerminal, startProcess } from "./process.js";
import { ended, run, start } from "./support.js";

const BOUND = 40_000;
let broker: Broker;
let at: string[];

beforeAll(async () => {
  await build();
  broker = await startBroker({ port: 0 });
  at = ["--address", broker.address];
}, 60_000);
afterAll(async () => {
  await broker.close();
  await discard();
});

const lines = (text: string) => text.split(/\r?\n/).filter((line) => line !== "");
const records = (text: string) => lines(text).map((line) => JSON.parse(line) as Record<string, unknown>);

/**
 * Subscribers of the broker by RPC: a command that waits for messages is ready when its stream
 * exists.
 */
const streams = (rpc: string) => broker.stats().streams[rpc] ?? 0;
const subscribed = async (rpc: string, count = 1) =>
  until(`${count} streams of ${rpc}`, () => streams(rpc) >= count, 20_000);

const noStreams = async () =>
  until("all streams have ended", () => Object.values(broker.stats().streams).every((count) => count === 0));
// Or the next test takes a stream of this one for its own.
afterEach(noStreams);

async function firstLine(stream: Readable): Promise<string> {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  while (!text.includes("\n")) await once(stream, "data");
  return text;
}

describe("usage", () => {
  test.each<[string[], number, RegExp]>([
    [["--help"], 0, /Examples, in two terminals:/],
    [["--version"], 0, /^\d+\.\d+\.\d+$/m],
    [["events", "--help"], 0, /publish\/subscribe|publish \[options\]/],
    [["events", "subscribe", "--help"], 0, /KUBEMQ_ADDRESS[^]*Examples:/],
    [["queues", "consume", "--help"], 0, /--settle <how> +ack, reject, or requeue:CHANNEL \(default: ack\)/],
    [["help", "events-store"], 0, /subscribe/],
  ])("%j prints the help", async (args, code, stdout) => {
    const result = await run(args);
    expect(result).toMatchObject({ code, stderr: "" });
    expect(result.stdout).toMatch(stdout);
  });

  test("the published command prints its help, and exits with the code of the command line", async () => {
    const [help, wrong] = await Promise.all([ended(startProcess(["--help"])), ended(startProcess(["evnts"]))]);
    expect(help).toEqual(await run(["--help"]));
    expect(wrong).toEqual(await run(["evnts"]));
    expect([help.code, wrong.code]).toEqual([0, 2]);
  });

  test.each<[string[], RegExp]>([
    [[], /Usage: kubemq-es/],
    [["events"], /Usage: kubemq-es events/],
    [["evnts"], /Did you mean events\?/],
    [["events", "publish"], /missing required argument 'channel'/],
    [["events", "subscribe", "a", "b"], /too many arguments/],
    [["ping", "--wrong"], /unknown option '--wrong'/],
    [["ping", "--timeout", "soon"], /It must be a whole number from 1/],
    [["broker", "--port", "70000"], /from 0 to 65535/],
    [["events-store", "subscribe", "a", "--from", "yesterdayish"], /It must be new, first, last/],
    [["queues", "consume", "a", "--settle", "drop"], /It must be ack, reject/],
    [["events", "publish", "a", "b", "--tag", "novalue"], /It must be key=value/],
    [["channels", "list", "topics"], /Allowed choices are events, events-store, commands, queries, queues/],
    [["ping", "--address", "no address"], /address must be "host:port"/],
    [["ping", "--tls-cert", "x.pem"], /tls\.key is missing/],
  ])("%j is refused with exit code 2", async (args, stderr) => {
    const result = await run(args);
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toMatch(stderr);
    expect(result.stderr).not.toContain("    at ");
  });

  test("a reader that closes before the help is printed causes no error", async () => {
    const child = startProcess(["--help"]);
    const result = ended(child);
    child.stdout.destroy();
    expect(await within(20_000, "it ends", result)).toMatchObject({ code: 0, stderr: "" });
  });

  test("an invalid channel is refused with exit code 2", async () => {
    const result = await run(["events", "publish", "a.*", "x", ...at]);
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toMatch(/channel/);
  });
});

describe("servers", () => {
  test.each<[string, string[]]>([
    ["ping", ["ping"]],
    ["a subscription", ["events", "subscribe", "a"]],
    ["a consumer", ["queues", "consume", "a"]],
  ])("%s without a server ends with exit code 3", async (_, args) => {
    const result = await run([...args, "--address", "127.0.0.1:1"]);
    expect(result).toMatchObject({ code: 3, stdout: "" });
    expect(result.stderr).toMatch(/ECONNREFUSED.*is a server running there/);
  });

  test("ping prints the server's data for people and as JSON", async () => {
    expect((await run(["ping", ...at])).stdout).toMatch(/ version v[\d.]+, up for \d+ s, answered in [\d.]+ ms\n$/);
    const [server] = records((await run(["ping", "--jsonl", ...at])).stdout);
    expect(server).toMatchObject({ version: expect.stringMatching(/^v/), tookMs: expect.any(Number) });
  });

  test("environment variables replace options, and a wrong token ends with exit code 5", async () => {
    await using guarded = await startBroker({ port: 0, token: "secret" });
    const ping = (token: string) =>
      ended(startProcess(["queues", "info"], { KUBEMQ_ADDRESS: guarded.address, KUBEMQ_AUTH_TOKEN: token }));
    const [accepted, refused] = await Promise.all([ping("secret"), ping("wrong")]);
    expect(accepted).toMatchObject({ code: 0 });
    expect(refused).toMatchObject({ code: 5, stdout: "" });
  });
});

describe("events", () => {
  test(
    "events subscribe prints what events publish sends, with its tags",
    async () => {
      const people = ended(start("events", "subscribe", "news.*", "--count", "2", ...at));
      const programs = ended(start("events", "subscribe", "news.>", "--count", "2", "--jsonl", ...at));
      await subscribed("SubscribeToEvents", 2);
      const sent = await run(["events", "publish", "news.eu", "hello", "--tag", "a=b", "--metadata", "m", ...at]);
      expect(sent).toMatchObject({ code: 0, stdout: "published an event on news.eu\n", stderr: "" });
      await run(["events", "publish", "news.us", ...at], "from a pipe");
      const { code, stdout } = await people;
      expect(code).toBe(0);
      expect(lines(stdout)[0]).toMatch(/^\[news\.eu \d{4}-[^ ]+Z\] "m" a=b hello$/);
      expect(records((await programs).stdout)).toMatchObject([
        { channel: "news.eu", metadata: "m", tags: { a: "b" }, body: "hello" },
        { channel: "news.us", body: "from a pipe" },
      ]);
    },
    BOUND,
  );

  test(
    "every input line is published as an event, and the count is printed",
    async () => {
      const all = ended(start("events", "subscribe", "lines", "--count", "3", "--jsonl", ...at));
      await subscribed("SubscribeToEvents");
      const sent = await run(["events", "publish", "lines", "--lines", "--jsonl", ...at], "one\ntwo\n\nthree\n");
      expect(records(sent.stdout)).toEqual([{ channel: "lines", published: 3 }]);
      expect(records((await all).stdout).map((event) => event["body"])).toEqual(["one", "two", "three"]);
    },
    BOUND,
  );

  test(
    "a body that is not UTF-8 is printed in base64",
    async () => {
      const one = ended(start("events", "subscribe", "bytes", "--count", "1", "--jsonl", ...at));
      await subscribed("SubscribeToEvents");
      await using client = new KubeMQClient({ address: broker.address });
      await client.events.publish({ channel: "bytes", body: Uint8Array.of(255, 0) });
      expect(records((await one).stdout)).toMatchObject([{ bodyBase64: "/wA=" }]);
    },
    BOUND,
  );

  test(
    "bench counts sent and received events and prints no progress to a pipe",
    async () => {
      const { code, stdout, stderr } = await run(["events", "bench", "-n", "50", "--jsonl", ...at]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(records(stdout)).toMatchObject([{ sent: 50, received: 50, latencyMs: { p90: expect.any(Number) } }]);
    },
    BOUND,
  );
});

describe("events-store", () => {
  test(
    "events-store subscribe starts at the given position",
    async () => {
      await run(["events-store", "publish", "log", "--lines", ...at], "one\ntwo\nthree\n");
      const read = async (from: string, count: number) => {
        const args = ["events-store", "subscribe", "log", "--from", from, "--count", String(count), "--jsonl", ...at];
        return records((await run(args)).stdout).map(({ sequence, body }) => [sequence, body]);
      };
      expect(await read("first", 3)).toEqual([
        ["1", "one"],
        ["2", "two"],
        ["3", "three"],
      ]);
      expect(await read("2", 1)).toEqual([["2", "two"]]);
      expect(await read("last", 1)).toEqual([["3", "three"]]);
      expect(await read("1h", 1)).toEqual([["1", "one"]]);
    },
    BOUND,
  );
});

test("events-store replay prints what is stored and ends, and refuses --from new", async () => {
  await run(["events-store", "publish", "kept", "--lines", ...at], "one\ntwo\n");
  const replayed = await run(["events-store", "replay", "kept", "--jsonl", ...at]);
  expect(records(replayed.stdout).map(({ body }) => body)).toEqual(["one", "two"]);
  expect(lines((await run(["events-store", "replay", "kept", "--from", "2", ...at])).stdout)).toEqual([
    expect.stringMatching(/^\[kept #2 .*\] two$/),
  ]);
  const refused = await run(["events-store", "replay", "kept", "--from", "new", ...at]);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("use `subscribe`") });
});

describe("commands and queries", () => {
  test(
    "a command that is executed, is not executed and times out ends with exit code 0, 1 and 4",
    async () => {
      const responder = ended(start("commands", "respond", "door", "--count", "1", ...at));
      await subscribed("SubscribeToRequests");
      expect(await run(["commands", "send", "door", "open", ...at])).toMatchObject({ code: 0, stdout: "executed\n" });
      expect(await responder).toMatchObject({ code: 0, stdout: "[door] open\n" });

      const refuser = ended(start("commands", "respond", "door", "--fail", "locked", "--count", "1", ...at));
      await subscribed("SubscribeToRequests");
      const refused = await run(["commands", "send", "door", "open", ...at]);
      expect(refused).toMatchObject({ code: 1, stdout: "not executed: locked\n" });
      await refuser;

      expect(await run(["commands", "send", "nobody", "x", "--timeout", "300", ...at])).toMatchObject({ code: 4 });
    },
    BOUND,
  );

  test(
    "a query is answered, and the second answer comes from the cache",
    async () => {
      const responder = ended(start("queries", "respond", "price", "12.50", "--count", "1", ...at));
      await subscribed("SubscribeToRequests");
      const ask = () => run(["queries", "send", "price", "book", "--cache-key", "book", "--jsonl", ...at]);
      expect(records((await ask()).stdout)).toMatchObject([{ body: "12.50", cacheHit: false }]);
      await responder;
      expect(records((await ask()).stdout)).toMatchObject([{ body: "12.50", cacheHit: true }]);
    },
    BOUND,
  );

  test.each(["commands", "queries"])(
    "%s bench measures round trips",
    async (group) => {
      const { code, stdout } = await run([group, "bench", "-n", "20", "--jsonl", ...at]);
      expect(code).toBe(0);
      expect(records(stdout)).toMatchObject([
        { count: 20, latencyMs: { p50: expect.any(Number), p90: expect.any(Number), p99: expect.any(Number) } },
      ]);
    },
    BOUND,
  );
});

describe("queues", () => {
  test(
    "queue messages are sent, peeked at, consumed, requeued and counted",
    async () => {
      const sent = await run(["queues", "send", "jobs", "--lines", "--jsonl", ...at], "one\ntwo\nthree\n");
      expect(records(sent.stdout)).toEqual([{ channel: "jobs", sent: 3 }]);
      const bodies = async (...args: string[]) =>
        records((await run(["queues", ...args, "--jsonl", ...at])).stdout).map((message) => message["body"]);
      expect(await bodies("peek", "jobs", "--max", "2")).toEqual(["one", "two"]);
      expect(await bodies("consume", "jobs", "--count", "1")).toEqual(["one"]);
      expect(await bodies("consume", "jobs", "--count", "1", "--settle", "requeue:elsewhere")).toEqual(["two"]);
      expect(await bodies("receive", "jobs")).toEqual(["three"]);
      expect(await bodies("consume", "jobs", "--idle", "1")).toEqual([]);
      expect(records((await run(["queues", "ack-all", "elsewhere", "--jsonl", ...at])).stdout)).toEqual([
        { channel: "elsewhere", dropped: "1" },
      ]);
      const info = records((await run(["queues", "info", "jobs", "--jsonl", ...at])).stdout);
      expect(info).toMatchObject([{ name: "jobs", waiting: 0 }]);
      expect(await bodies("bench", "-n", "50")).toHaveLength(1);
    },
    BOUND * 2,
  );

  test(
    "a closed output pipe ends consume, and unread messages stay in the queue",
    async () => {
      const count = 2_000;
      await run(["queues", "send", "many", "--lines", ...at], `${"x".repeat(500)}\n`.repeat(count));
      const child = startProcess(["queues", "consume", "many", ...at]);
      const result = ended(child);
      await firstLine(child.stdout);
      child.stdout.destroy();
      expect(await within(20_000, "it ends", result)).toMatchObject({ code: 0, stderr: "" });
      await using client = new KubeMQClient({ address: broker.address });
      const left = await client.queues.info("many");
      expect(left.queues[0]?.waiting).toBeGreaterThan(0);
    },
    BOUND,
  );
});

test("an output that cannot be written, as on a full disk, fails consume without a stack trace", async () => {
  await run(["queues", "send", "kept", "x", ...at]);
  const child = start("queues", "consume", "kept", ...at);
  const reported = text(child.stderr);
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  child.stdout.destroy(Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" }));
  expect(await within(20_000, "it ends", code)).toBe(1);
  expect(await reported).toBe("kubemq-es: ENOSPC: no space left on device, write\n");
  const peeked = await run(["queues", "peek", "kept", "--format", "{body}", ...at]);
  expect(peeked.stdout).toBe("x\n");
});

test("queues info shows a table, and fails for a queue that does not exist", async () => {
  await run(["queues", "send", "listed", "x", ...at]);
  const { stdout } = await run(["queues", "info", "listed", ...at]);
  expect(lines(stdout)).toEqual([
    "QUEUE   WAITING  CONSUMERS  STORED  BYTES",
    expect.stringMatching(/^listed        1          0       1 +\d+$/),
  ]);
  for (const options of [[], ["--jsonl"]]) {
    const unknown = await run(["queues", "info", "absent", ...options, ...at]);
    expect(unknown).toMatchObject({ code: 1, stdout: "" });
    expect(unknown.stderr).toBe(
      "kubemq-es: the server has no queue absent; a queue exists from its first message on, and `kubemq-es queues info` lists all\n",
    );
  }
  expect((await run(["queues", "info", "ORDERS", ...at])).stderr).toContain("without the letters Q, U, E, S");
});

describe("channels", () => {
  test(
    "channels are created, listed and deleted",
    async () => {
      expect(await run(["channels", "create", "queues", "made", ...at])).toMatchObject({
        code: 0,
        stdout: "created made\n",
      });
      const names = async () =>
        records((await run(["channels", "list", "queues", "made", "--jsonl", ...at])).stdout).map(({ name }) => name);
      expect(await names()).toEqual(["made"]);
      expect(await run(["channels", "delete", "queues", "made", ...at])).toMatchObject({
        code: 0,
        stdout: "deleted made\n",
      });
      expect(await names()).toEqual([]);
    },
    BOUND,
  );
});

describe("Ctrl-C", () => {
  test.each<[string, string[], string]>([
    ["events subscribe", ["events", "subscribe", "quiet"], "SubscribeToEvents"],
    ["events-store subscribe", ["events-store", "subscribe", "quiet"], "SubscribeToEvents"],
    ["commands respond", ["commands", "respond", "quiet"], "SubscribeToRequests"],
    ["queries respond", ["queries", "respond", "quiet"], "SubscribeToRequests"],
    ["queues consume", ["queues", "consume", "quiet"], "QueuesDownstream"],
  ])(
    "%s ends cleanly, and leaves no stream behind",
    async (_, args, rpc) => {
      const command = start(...args, ...at);
      const result = ended(command);
      await subscribed(rpc);
      command.interrupt();
      expect(await within(10_000, "it ends", result)).toEqual({ code: 0, stdout: "", stderr: "" });
      await noStreams();
    },
    BOUND,
  );

  test(
    "Ctrl-C ends a command that waits for its answer with exit code 130",
    async () => {
      await using client = new KubeMQClient({ address: broker.address });
      const asked = new AbortController();
      const child = startProcess(["commands", "send", "silent", "x", "--timeout", "60000", ...at]);
      const result = ended(child);
      for await (const _ of client.commands.subscribe({ channel: "silent" }, { signal: asked.signal })) {
        child.kill("SIGINT");
        asked.abort();
      }
      expect(await within(10_000, "it ends", result)).toEqual({
        code: 130,
        stdout: "",
        stderr: "kubemq-es: interrupted\n",
      });
    },
    BOUND,
  );
});

describe("an interactive terminal", () => {
  test(
    "Ctrl-C on a terminal ends a subscription",
    async () => {
      const child = startOnTerminal("events", "subscribe", "typed", ...at);
      const result = ended(child);
      await subscribed("SubscribeToEvents");
      child.stdin.write("\u0003");
      expect((await within(10_000, "it ends", result)).code).toBe(0);
    },
    BOUND,
  );

  test(
    "a long operation shows its progress and removes it at the end",
    async () => {
      const child = startOnTerminal("events", "bench", "-n", "500", ...at);
      const { code, stdout } = await within(30_000, "it ends", ended(child));
      expect(code).toBe(0);
      const clear = "\r\u001b[K";
      const shown = stdout.split(clear);
      expect(shown[1]).toMatch(/^received [\d,]+ of 500$/);
      expect(shown.at(-1)).toMatch(/^sent 500 of 100 bytes/);
    },
    BOUND,
  );

  test(
    "publish without a body on a terminal is refused instead of waiting for input",
    async () => {
      const { code, stdout } = await ended(startOnTerminal("events", "publish", "typed", ...at));
      expect(code).toBe(2);
      expect(stdout).toContain("there is no body: give it after the channel, or pipe it in");
    },
    BOUND,
  );
});
