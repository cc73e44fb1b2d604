import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Codec, json, KubeMQClient, type MessageProperties } from "kubemq-es";
import { type Broker, startBroker } from "kubemq-es/testing";
import { rejection } from "../support/until.js";

/** Writes the version of a value to a tag and its kind to the metadata, and reads them. */
const versioned: Codec<{ version: number; text: string }> = {
  encode: ({ text }) => new TextEncoder().encode(text),
  decode: (body, message) => ({
    version: Number(message?.tags?.version),
    text: `${message?.metadata} ${new TextDecoder().decode(body)}`,
  }),
  properties: ({ version }) => ({ metadata: "note", tags: { version: String(version) } }),
};

const sent = {
  channel: "notes",
  body: { version: 2, text: "hello" },
  codec: versioned,
  tags: { version: "1", by: "me" },
};

const received = {
  value: { version: 2, text: "note hello" },
  metadata: "note",
  tags: { version: "2", by: "me" },
};

let broker: Broker;
let client: KubeMQClient;

beforeAll(async () => {
  broker = await startBroker({ port: 0 });
  client = await KubeMQClient.connect({ address: broker.address });
});

afterAll(async () => {
  await client.close();
  await broker.close();
});

describe("the properties that a codec writes", () => {
  test("properties of a codec are sent with an event, and replace a tag of the same name", async () => {
    const events = client.events.subscribe({ channel: "notes", codec: versioned });
    await events.ready;
    await client.events.publish(sent);
    for await (const event of events) {
      expect(event).toMatchObject(received);
      break;
    }
  });

  test("properties of a codec are sent with a stored event", async () => {
    await client.eventsStore.publish(sent);
    for await (const event of client.eventsStore.replay({
      channel: "notes",
      start: { from: "first" },
      codec: versioned,
    }))
      expect(event).toMatchObject(received);
  });

  test("properties of a codec are sent with a queue message and with a batch", async () => {
    await client.queues.send(sent);
    await client.queues.sendBatch([sent]);
    const messages = await client.queues.receive({ channel: "notes", max: 2, codec: versioned });
    expect(messages).toMatchObject([received, received]);
  });

  test("properties of a codec are sent with a query and with its response", async () => {
    const queries: MessageProperties[] = [];
    await using service = client.queries.handle(
      { channel: "notes", codec: versioned, responseCodec: versioned },
      (query) => {
        queries.push({ metadata: query.metadata, tags: query.tags });
        return { ...query.value, version: 3 };
      },
    );
    await service.ready;
    const answer = await client.queries.send({ ...sent, responseCodec: versioned });
    expect(queries).toEqual([{ metadata: "note", tags: received.tags }]);
    expect(answer).toMatchObject({ value: { version: 3, text: "note note hello" }, tags: { version: "3" } });
  });

  test("metadata of a message that differs from the codec's is refused before a byte is sent", async () => {
    const error = await rejection(client.events.publish({ ...sent, metadata: "letter" }));
    expect(error).toMatchObject({
      code: "INVALID_ARGUMENT",
      channel: "notes",
      message: 'metadata must be left out, because the codec writes "note", got "letter"',
    });
    await client.events.publish({ ...sent, metadata: "note" });
  });

  test("properties of a codec are checked in the same way as those of the message", async () => {
    const wrong: Codec<unknown> = { ...json(), properties: () => ({ tags: { version: 2 as never } }) };
    expect(await rejection(client.events.publish({ channel: "notes", body: 1, codec: wrong }))).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: 'tag "version" must be a string, got number',
    });
  });

  test("a send rejects with ENCODE_FAILED when the codec throws in properties()", async () => {
    const cause = new Error("no version");
    const wrong: Codec<unknown> = {
      ...json(),
      properties: () => {
        throw cause;
      },
    };
    expect(await rejection(client.queues.send({ channel: "notes", body: 1, codec: wrong }))).toMatchObject({
      code: "ENCODE_FAILED",
      operation: "queues.send",
      channel: "notes",
      cause,
    });
  });
});
