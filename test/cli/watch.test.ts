import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { KubeMQClient, type QueueDetails } from "kubemq-es";
import { startBroker, type Broker } from "kubemq-es/testing";
import { QueueRates } from "../../src/cli/queues/rates.js";
import { sparkline } from "../../src/cli/terminal/sparkline.js";
import { until, within } from "../support/until.js";
import { ended, run, start, startOn } from "./support.js";

let broker: Broker;
let client: KubeMQClient;
let at: string[];

beforeAll(async () => {
  broker = await startBroker({ port: 0 });
  client = new KubeMQClient({ address: broker.address });
  at = ["--address", broker.address];
  await client.queues.sendBatch(["1", "2", "3"].map((body) => ({ channel: "jobs", body })));
  await client.queues.send({ channel: "mails", body: "x" });
});
afterAll(async () => {
  await client.close();
  await broker.close();
});

const records = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("queues watch and top", () => {
  test("queues watch and top print a line for each queue and interval to a pipe", async () => {
    const { code, stdout } = await run(["queues", "watch", "jobs", "absent", "-n", "2", "--interval", "0.1", ...at]);
    expect(code).toBe(0);
    const time = String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`;
    expect(stdout.split("\n")).toEqual([
      expect.stringMatching(new RegExp(`^${time} jobs waiting 3 in -/s out -/s consumers 0$`)),
      expect.stringMatching(new RegExp(`^${time} absent \\(no such queue\\) waiting 0 in -/s out -/s consumers 0$`)),
      expect.stringMatching(new RegExp(`^${time} jobs waiting 3 in 0/s out 0/s consumers 0$`)),
      expect.stringMatching(new RegExp(`^${time} absent \\(no such queue\\) waiting 0 in 0/s out 0/s consumers 0$`)),
      "",
    ]);
  });

  test("queues watch and top print the figures of the broker as JSON", async () => {
    const { stdout } = await run(["top", "-n", "1", "--jsonl", ...at]);
    const listed = (await client.queues.info()).queues.map(({ name, waiting, subscribers }) => ({
      name,
      exists: true,
      waiting,
      consumers: subscribers,
    }));
    expect(records(stdout)).toEqual(listed.map((queue) => ({ ...queue, time: expect.any(String) })));
  });

  test.each([
    ["default", 0],
    ["community", 1],
  ] as const)(
    "queues watch, the page of the broker and channels() show the same consumers of a busy queue, with the profile %s",
    async (profile, left) => {
      await using own = await startBroker({ profile, ui: true });
      await using sender = new KubeMQClient({ address: own.address });
      const publisher = sender.queues.publisher();
      const calm = new AbortController();
      const load = (async () => {
        while (!calm.signal.aborted)
          await publisher.send(Array.from({ length: 20 }, () => ({ channel: "busy", body: "x" })));
      })();
      load.catch(() => {}); // when the test fails first
      const busy = (channels: ReturnType<Broker["channels"]>) => channels.find(({ name }) => name === "busy");
      const shown = async () => {
        const watch = ["queues", "watch", "busy", "-n", "1", "--jsonl", "--address", own.address];
        const [watched] = records((await run(watch)).stdout);
        const page = (await (await fetch(`${own.uiUrl}state`)).json()) as { channels: ReturnType<Broker["channels"]> };
        return [watched, busy(page.channels), busy(own.channels())];
      };
      await until("the queue exists", () => busy(own.channels()) !== undefined);
      expect(await shown()).toMatchObject([{ consumers: 0 }, { consumers: 0 }, { consumers: 0 }]);
      const clients = [1, 2, 3].map(() => new KubeMQClient({ address: own.address }));
      const loops = clients.map((client) => client.queues.consume({ channel: "busy" })[Symbol.asyncIterator]());
      await Promise.all(loops.map((loop) => loop.next())); // and settle nothing
      await until("each holds a message", () => busy(own.channels())?.consumers === 3);
      expect(await shown()).toMatchObject([{ consumers: 3 }, { consumers: 3 }, { consumers: 3 }]);
      calm.abort();
      await load;
      await Promise.all(loops.map(async (loop) => loop.return?.()));
      await Promise.all(clients.map((client) => client.close()));
      await until("the last has left", () => busy(own.channels())?.consumers === left);
      const [watched, page, channel] = await shown();
      expect(watched).toMatchObject({ consumers: left, waiting: channel?.["depth"] });
      expect(page).toEqual(channel);
    },
  );

  test("queues watch and top draw a table on a terminal, which remains after the end", async () => {
    const screen = { columns: 60, rows: 24, env: { NO_COLOR: "1" } };
    const command = startOn(screen, ["top", "--interval", "0.1", ...at]);
    let shown = "";
    command.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
    const result = ended(command);
    await until("a second frame", () => shown.split("\u001b[H").length > 2);
    command.interrupt();
    expect((await within(10_000, "it ends", result)).code).toBe(0);
    const left = shown.split("\u001b[?1049l")[1] ?? "";
    expect(shown.startsWith("\u001b[?1049h\u001b[?25l\u001b[H")).toBe(true);
    expect(left.split("\n")).toEqual([
      expect.stringMatching(/v\d.*2 queues {2}waiting 4 {2}in 0\/s {2}out 0\/s/),
      "",
      "QUEUE  WAITING  IN/S  OUT/S  CONSUMERS  WAITING, LAST 4 S",
      expect.stringMatching(/^jobs {9}3 {5}0 {6}0 {10}0 {2}█+$/),
      expect.stringMatching(/^mails {8}1 {5}0 {6}0 {10}0 {2}█+$/),
      "",
    ]);
    expect(left.split("\n").every((line) => line.length <= 60)).toBe(true);
  });

  test("queues watch and top continue after an interruption of the server", async () => {
    const own = await startBroker({ port: 0 });
    const send = async (channel: string) => {
      await using sender = new KubeMQClient({ address: own.address });
      await sender.queues.send({ channel, body: "x" });
    };
    await send("before");
    const command = start("top", "--interval", "0.1", "--jsonl", "--address", own.address);
    const result = ended(command);
    let errors = "";
    let lines = "";
    command.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    command.stdout.on("data", (chunk: Buffer) => (lines += chunk.toString()));
    await until("it shows the first queue", () => lines.includes('"before"'));
    await own.close();
    await until("an error is reported", () => errors.includes("ECONNREFUSED"));
    await using _again = await startBroker({ port: own.port });
    await send("after");
    await until("it shows the other queue", () => lines.includes('"after"'));
    command.interrupt();
    expect((await within(10_000, "it ends", result)).code).toBe(0);
  });

  test.each(["0", "soon", "-1"])("an interval of %s is refused", async (interval) => {
    expect((await run(["top", "--interval", interval, ...at])).code).toBe(2);
  });
});

describe("rates", () => {
  const queue = (more: Partial<QueueDetails>): QueueDetails => ({
    name: "q",
    messages: 0,
    bytes: 0,
    firstSequence: 1n,
    lastSequence: 0n,
    waiting: 0,
    subscribers: 0,
    ...more,
  });

  test.each<[string, Partial<QueueDetails>, Partial<QueueDetails> | undefined, number, number]>([
    ["all messages stay", { lastSequence: 10n, waiting: 10 }, { lastSequence: 30n, waiting: 30 }, 10, 0],
    ["as many go as come", { lastSequence: 10n, waiting: 5 }, { lastSequence: 210n, waiting: 5 }, 100, 100],
    ["the backlog shrinks", { lastSequence: 10n, waiting: 10 }, { lastSequence: 11n, waiting: 2 }, 0.5, 4.5],
    ["the queue was deleted", { lastSequence: 10n, waiting: 10 }, undefined, 0, 5],
    ["the server has no sequences", { messages: 4, waiting: 4 }, { messages: 8, waiting: 6 }, 2, 1],
  ])("are right when %s", (_, before, after, inPerSecond, outPerSecond) => {
    const rates = new QueueRates();
    expect(rates.next([queue(before)], ["q"], 1_000)[0]).not.toHaveProperty("inPerSecond");
    const [sample] = rates.next(after === undefined ? [] : [queue(after)], ["q"], 3_000);
    expect(sample).toMatchObject({ inPerSecond, outPerSecond, exists: after !== undefined });
  });

  test.each<[number[], number, string]>([
    [[], 5, ""],
    [[0, 0], 5, "▁▁"],
    [[0, 1, 2, 4, 8], 5, "▁▂▃▅█"],
    [[9, 9, 1, 0], 2, "█▁"],
  ])("the plot of %j in %d columns is %j", (values, width, plot) => {
    expect(sparkline(values, width)).toBe(plot);
  });
});
