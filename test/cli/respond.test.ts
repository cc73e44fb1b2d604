import { describe, expect, test } from "@jest/globals";
import type { KubeMQClient } from "kubemq-es";
import type { Broker } from "kubemq-es/testing";
import { template } from "../../src/cli/messages/template.js";
import { until } from "../support/until.js";
import { ended, run, start, withServer } from "./support.js";

let broker: Broker;
let client: KubeMQClient;
let at: readonly string[];

withServer((server) => ({ broker, client, at } = server));

/** A responder for one request; it is ready. */
async function responder(...args: string[]) {
  const result = ended(start(...args, "--count", "1", ...at));
  await until("the responder is subscribed", () => (broker.stats().streams["SubscribeToRequests"] ?? 0) > 0);
  return { result };
}

const noStreams = () => until("no responder", () => (broker.stats().streams["SubscribeToRequests"] ?? 0) === 0);

describe("respond --exec", () => {
  const bytes = Uint8Array.of(0xff, 0, 10);

  test("respond --exec answers a query with the output of a program, whose input is the body", async () => {
    const { result } = await responder("queries", "respond", "echo", "--exec", "cat -u");
    const reply = await client.queries.send({ channel: "echo", body: bytes });
    expect(reply).toMatchObject({ ok: true });
    if (reply.ok) expect([...reply.body]).toEqual([...bytes]);
    expect(await result).toMatchObject({ code: 0, stderr: "" });
    await noStreams();
  });

  test("respond --exec passes channel, id, metadata and tags in the environment, with --shell to a shell", async () => {
    const script = 'echo "$KUBEMQ_MESSAGE_CHANNEL $KUBEMQ_MESSAGE_ID $KUBEMQ_MESSAGE_METADATA $KUBEMQ_TAG_a_b $PATH"';
    const args = ["queries", "respond", "env", "--shell", "--exec", `PATH=/bin; ${script}`];
    const { result } = await responder(...args);
    const tags = { "a.b": "$(exit 9)", PATH: "/evil" };
    const reply = await client.queries.send({ channel: "env", id: "7", body: "", metadata: "m; exit 9", tags });
    expect(reply.ok && reply.text()).toBe("env 7 m; exit 9 $(exit 9) /bin\n");
    await result;
    await noStreams();
  });

  test.each<[string, string[], string]>([
    ["that fails", ["--shell", "--exec", "echo first >&2; echo locked >&2; exit 3"], "sh ended with code 3: locked"],
    ["that does not exist", ["--exec", "./no-such-program"], "spawn ./no-such-program ENOENT"],
  ])("fails a command for a program %s", async (_, args, reason) => {
    const { result } = await responder("commands", "respond", "door", ...args);
    const reply = await client.commands.send({ channel: "door", body: "open" });
    expect(reply).toMatchObject({ ok: false, error: reason });
    const { code, stderr } = await result;
    expect(code).toBe(0);
    expect(stderr).toContain(`on door failed: ${reason}`);
    await noStreams();
  });

  test.each([
    [["--exec", "cat", "--fail", "x"], "exclude each other"],
    [["--shell"], "--shell is for the command of --exec"],
  ])("refuses %j", async (args, why) => {
    const { code, stderr } = await run(["queries", "respond", "x", ...args, ...at]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(why) });
  });
});

describe("--format", () => {
  test.each<[string, string]>([
    ["{channel} {body}", "jobs x"],
    [String.raw`{id}\t{tags.a}{tags.none}\\n\n{metadata}|{tags}`, '7\tb\\n\nm|{"a":"b"}'],
    ["{sequence} {timestamp}", "12 2026-01-01T00:00:00.000Z"],
    ["no fields", "no fields"],
  ])("%j makes %j of a message", (text, line) => {
    const timestamp = new Date("2026-01-01");
    const record = { channel: "jobs", id: "7", sequence: 12n, timestamp, metadata: "m", tags: { a: "b" }, body: "x" };
    expect(template(text)(record)).toBe(line);
  });

  test("the option --format prints a body that is not UTF-8 in base64", () => {
    expect(template("{body}")({ bodyBase64: "/wA=" })).toBe("/wA=");
  });

  test("receiving commands print lines of --format, and escape them on a terminal", async () => {
    await client.queues.send({ channel: "formatted", body: "a\u001bb", tags: { n: "1" } });
    const args = ["queues", "peek", "formatted", "--max", "1", "--format", "{tags.n}:{body}", ...at];
    expect((await run(args)).stdout).toBe("1:a\u001bb\n");
    expect((await run(args, "", { columns: 80, rows: 24 })).stdout).toBe("1:a\\x1bb\n");
    const consume = ["queues", "consume", "formatted", "--count", "1", "--format", "{body}", "--jsonl", ...at];
    expect(JSON.parse((await run(consume)).stdout)).toMatchObject({ body: "a\u001bb" });
  });

  test("the option --format refuses an unknown field", async () => {
    const { code, stderr } = await run(["queues", "peek", "x", "--format", "{bdy}", ...at]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("{bdy} is not a field") });
  });
});
