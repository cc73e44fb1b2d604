import { expect, test } from "@jest/globals";
import type { KubeMQClient } from "kubemq-es";
import { run, withServer } from "./support.js";

let client: KubeMQClient;
let at: readonly string[];

withServer((server) => ({ client, at } = server));

const messages = [
  { id: "plain", body: "one\nline\u2028 and \u2029 more\r\n", metadata: "m", tags: { a: "b=c", "": " " } },
  { id: "bytes", body: Uint8Array.of(0xff, 0, 0xfe, 10), metadata: "", tags: {} },
  { id: "bom", body: Uint8Array.of(0xef, 0xbb, 0xbf, 0x78), metadata: "", tags: {} },
  { id: "empty", body: "", metadata: "only this", tags: {} },
  { id: "json", body: '{"a":"\u001b[2J"}', metadata: "\u0000\u009b", tags: { "☃": "\u{1f600}" } },
];

const contents = ({ id, metadata, tags, body }: { id: string; metadata: string; tags: object; body: Uint8Array }) => ({
  id,
  metadata,
  tags,
  body: Buffer.from(body).toString("hex"),
});
const expected = messages.map(({ body, ...rest }) => ({ ...rest, body: Buffer.from(body).toString("hex") }));

test("a queue is saved by consume --jsonl and restored by send --jsonl as it was", async () => {
  const policy = { expirationSeconds: 3_600, deadLetter: { queue: "failed", maxReceiveCount: 3 } };
  for (const message of messages) await client.queues.send({ channel: "saved", ...message, policy });
  const args = ["queues", "consume", "saved", "--count", String(messages.length), "--jsonl", ...at];
  const { stdout } = await run(args);
  const sent = await run(["queues", "send", "restored", "--jsonl", ...at], stdout);
  expect(sent).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(sent.stdout)).toEqual({ channel: "restored", sent: messages.length });

  const restored = await client.queues.receive({ channel: "restored", max: messages.length });
  expect(restored.map(contents)).toEqual(expected);
  expect(restored.map((message) => message.policy)).toEqual(messages.map(() => policy));
  for (const message of restored) expect(message.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
});

test("stored events are saved by replay --jsonl and restored by publish --jsonl as they were", async () => {
  for (const message of messages) await client.eventsStore.publish({ channel: "saved", ...message });
  const { stdout } = await run(["events-store", "replay", "saved", "--jsonl", ...at]);
  const args = ["events-store", "publish", "restored", "--jsonl", "--tag", "from=backup", ...at];
  expect(await run(args, stdout)).toMatchObject({ code: 0, stderr: "" });
  const restored = [];
  const replay = client.eventsStore.replay({ channel: "restored", start: { from: "first" } });
  for await (const event of replay) restored.push(contents(event));
  expect(restored).toEqual(expected.map(({ tags, ...rest }) => ({ ...rest, tags: { ...tags, from: "backup" } })));
});

test("the options of send replace the policy of a restored message", async () => {
  const line = JSON.stringify({ body: "x", policy: { expirationSeconds: 60 } });
  await run(["queues", "send", "changed", "--jsonl", "--expire", "120", "--dead-letter", "d", ...at], line);
  const [message] = await client.queues.receive({ channel: "changed" });
  expect(message?.policy).toEqual({ expirationSeconds: 120, deadLetter: { queue: "d", maxReceiveCount: 5 } });
});

test.each<[string, string]>([
  ["one", "message 2 of standard input: it is not JSON"],
  ["[]", "it is not a JSON object"],
  ['{"body":1}', "body must be a string: use bodyBase64 for bytes"],
  ['{"bodyBase64":"*"}', "bodyBase64 must be base64"],
  ['{"body":"","bodyBase64":""}', "it has body and bodyBase64"],
  ['{"body":"x","tags":{"a":1}}', "tags must be an object of strings"],
  ['{"body":"x","id":1}', "id must be a string"],
  ['{"body":"x","metadata":1}', "metadata must be a string"],
  ['{"body":"x","policy":[]}', "policy must be an object"],
  ['{"body":"x","policy":{"delay":1}}', 'message 2 of standard input: unknown option "policy.delay"'],
  ["{}", "message must have a body or metadata: servers refuse a message with neither; the messages before it"],
])("the line %s is refused", async (line, why) => {
  const { code, stderr } = await run(["queues", "send", "refused", "--jsonl", ...at], `{"body":"first"}\n\n${line}\n`);
  expect(code).toBe(2);
  expect(stderr).toContain(why);
});

test("a body as an argument is one message, with its result as JSON", async () => {
  const { stdout } = await run(["queues", "send", "argument", "x", "--jsonl", ...at]);
  expect(JSON.parse(stdout)).toMatchObject({ channel: "argument", ok: true, id: expect.any(String) });
  const both = await run(["queues", "send", "argument", "x", "--lines", ...at]);
  expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("--lines reads standard input") });
});
