import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { KubeMQClient } from "kubemq-es";
import { json } from "kubemq-es";
import { createHash, randomBytes } from "node:crypto";
import { take } from "../support/until.js";
import { openWorld, type OpenWorld } from "../support/with-broker.js";

let world: OpenWorld;
let client: KubeMQClient;

beforeAll(async () => {
  world = await openWorld();
  ({ client } = world);
});

afterAll(() => world.end());

const digest = (body: Uint8Array) => createHash("sha256").update(body).digest("hex");
const metadata = "metadata with ünïcödé, 漢字 and 🦀";
const tags = { "schlüssel 🔑": "wert\nmit zeile", empty: "", 漢: "字" };

/** Every way to send and receive a body: it must be unchanged. */
const ways: Record<
  string,
  (channel: string, body: Uint8Array) => Promise<{ body: Uint8Array; metadata: string; tags: object } | undefined>
> = {
  events: async (channel, body) => {
    const sub = client.events.subscribe({ channel });
    await sub.ready;
    await client.events.publish({ channel, body, metadata, tags });
    return (await take(sub, 1))[0];
  },
  "events publisher": async (channel, body) => {
    const sub = client.events.subscribe({ channel });
    await sub.ready;
    await using publisher = client.events.publisher();
    await publisher.publish({ channel, body, metadata, tags });
    return (await take(sub, 1))[0];
  },
  "events store": async (channel, body) => {
    await client.eventsStore.publish({ channel, body, metadata, tags });
    return (await take(client.eventsStore.subscribe({ channel, start: { from: "first" } }), 1))[0];
  },
  queries: async (channel, body) => {
    const stop = new AbortController();
    const serving = (async () => {
      for await (const query of client.queries.subscribe({ channel }, { signal: stop.signal })) {
        await query.respond({ body: query.body, metadata: query.metadata, tags: { ...query.tags } });
      }
    })();
    const answer = await client.queries.send({ channel, body, metadata, tags });
    stop.abort();
    await serving;
    return answer.ok ? answer : undefined;
  },
  queues: async (channel, body) => {
    await client.queues.send({ channel, body, metadata, tags });
    for await (const job of client.queues.consume({ channel })) {
      await job.ack();
      return job;
    }
    return undefined;
  },
};

describe.each(Object.keys(ways))("%s", (way) => {
  test.each([0, 1, 4_095, 4_096, 16_384, 65_536, 4 * 1024 * 1024])(
    "a payload of %d bytes is sent and received unchanged",
    async (size) => {
      const body = randomBytes(size);
      const back = await ways[way]?.(`${way.replaceAll(" ", "-")}.${size}`, body);
      expect(back).toMatchObject({ metadata, tags });
      expect(digest(back?.body ?? new Uint8Array(1))).toBe(digest(body));
    },
  );
});

test("a message above the client's limit ends the loop with RESOURCE_EXHAUSTED and is not requested repeatedly", async () => {
  const small = world.connect({ maxMessageBytes: 1024 });
  await client.eventsStore.publish({ channel: "too-large", body: randomBytes(2048) });
  const loop = take(small.eventsStore.subscribe({ channel: "too-large", start: { from: "first" } }), 1);
  await expect(loop).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    retryable: false,
    message: expect.stringMatching(/a received message of \d+ bytes is larger than maxMessageBytes, 1024$/),
  });
});

test("an undecodable payload throws only in the loop body that reads it", async () => {
  const codec = json<{ n: number }>();
  const poison = [randomBytes(64), Buffer.from("{"), Buffer.from([0xff, 0xfe]), Buffer.from("")];
  for (const body of poison) await client.queues.send({ channel: "poison", body, metadata: "m" });
  await client.queues.send({ channel: "poison", body: { n: 1 }, codec });
  const outcomes: string[] = [];
  for await (const job of client.queues.consume({ channel: "poison", codec })) {
    try {
      outcomes.push(`value ${job.value.n}`);
    } catch (error) {
      outcomes.push((error as { code: string }).code);
    }
    await job.ack();
    if (outcomes.length === 5) break;
  }
  expect(outcomes).toEqual([...Array(4).fill("DECODE_FAILED"), "value 1"]);
});

test("a received message, or a copy of it, can be sent to another channel as it is", async () => {
  const channel = "forwarded";
  const received: { channel: string; body: Uint8Array }[] = [];
  const events = client.events.subscribe({ channel });
  const commands = client.commands.handle({ channel }, (command) => void received.push(command));
  const queries = client.queries.handle({ channel }, (query) => {
    received.push(query);
    return { ...query, body: "yes" };
  });
  await Promise.all([events.ready, commands.ready, queries.ready]);
  const span = Buffer.from("span");
  await client.events.publish({ channel, body: "x", tags });
  await client.eventsStore.publish({ channel, body: "x", tags });
  await client.queues.send({ channel, body: "x", tags, policy: { expirationSeconds: 60 } });
  const done = await client.commands.send({ channel, body: "x", span });
  const answer = await client.queries.send({ channel, body: "x", span, cache: { key: "k", ttlSeconds: 5 } });
  expect([done.ok, answer.ok]).toEqual([true, true]);
  received.push(...(await take(events, 1)), ...(answer.ok ? [answer] : []));
  received.push(...(await take(client.eventsStore.subscribe({ channel, start: { from: "first" } }), 1)));
  for await (const job of client.queues.consume({ channel })) {
    received.push(job);
    await job.ack();
    break;
  }
  await Promise.all([commands.close(), queries.close()]);
  expect(received).toHaveLength(6);
  const publisher = client.queues.publisher();
  for (const one of received) {
    for (const message of [one, { ...one }, { ...one, tags: {} }]) {
      await client.events.publish(message);
      await client.eventsStore.publish(message);
      await client.queues.send(message);
      await publisher.send(message);
      await expect(client.queues.send({ ...message, delaySeconds: 5 } as never)).rejects.toThrow("belongs in policy");
    }
  }
  await publisher.close();
});

test("a received response can be returned as the response to another request", async () => {
  const back = client.queries.handle({ channel: "back" }, (query) =>
    query.text() === "fail" ? { error: "no", tags: { why: "closed" } } : { body: "yes", metadata, tags },
  );
  const front = client.queries.handle({ channel: "front" }, async (query) => {
    const answer = await client.queries.send({ channel: "back", body: query.body });
    return answer;
  });
  await Promise.all([back.ready, front.ready]);
  const yes = await client.queries.send({ channel: "front", body: "x" });
  expect(yes).toMatchObject({ ok: true, metadata, tags });
  const no = await client.queries.send({ channel: "front", body: "fail" });
  expect(no).toMatchObject({ ok: false, error: "no", tags: { why: "closed" } });
  await Promise.all([back.close(), front.close()]);
});

test("a misspelt property of a response is refused, and reported as an error of its handler", async () => {
  const failures: unknown[] = [];
  const options = { onError: (error: unknown) => void failures.push(error) };
  const misspelt = client.queries.handle({ channel: "misspelt" }, () => ({ body: "yes", tag: {} }) as never, options);
  const failing = client.commands.handle({ channel: "misspelt" }, () => ({ error: "no" }) as never, options);
  await Promise.all([misspelt.ready, failing.ready]);
  const query = await client.queries.send({ channel: "misspelt", body: "x" });
  const command = await client.commands.send({ channel: "misspelt", body: "x" });
  expect([query.ok, command.ok]).toEqual([false, false]);
  expect(String(failures[0])).toContain('unknown property "tag" of the response: did you mean "tags"?');
  expect(String(failures[1])).toContain("error belongs in fail(error)");
  await Promise.all([misspelt.close(), failing.close()]);
});
