// Checked by the compiler, never run: valid code compiles, and each `@ts-expect-error` precedes
// invalid code.
import type { MessageShape } from "@bufbuild/protobuf";
import {
  byContentType,
  bytes,
  cloudEvent,
  gzip,
  json,
  query,
  queue,
  tagged,
  text,
  type Codec,
  type Decoder,
  type Encoder,
  type KubeMQClient,
} from "kubemq-es";
import { json as jsonOfEntry, type Codec as CodecOfEntry } from "kubemq-es/codec";
import { EventSchema } from "kubemq-es/gen";
import { protobuf } from "kubemq-es/protobuf";
import { z } from "zod";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Accepts only `true`: the result of comparing two equal types. */
const same = <_ extends true>(): void => {};

declare const client: KubeMQClient;

export async function oldAndNewForms(): Promise<void> {
  const today: Codec<number> = { encode: (value) => Uint8Array.of(value), decode: (body) => body[0] ?? 0 };
  const writesTags: Codec<number> = {
    ...today,
    properties: (value) => ({ tags: { version: String(value) } }),
    decode: (body, message) => Number(message?.tags?.version ?? body[0]),
  };
  const one: Encoder<number> = today;
  const other: Decoder<number> = writesTags;
  await client.queues.send({ channel: "a", body: 1, codec: one });
  for (const { value } of await client.queues.receive({ channel: "a", codec: other }))
    same<Same<typeof value, number>>();
  // @ts-expect-error a decoder alone cannot send
  await client.queues.send({ channel: "a", body: 1, codec: other });
  // @ts-expect-error an encoder alone cannot receive
  await client.queues.receive({ channel: "a", codec: one });
  // @ts-expect-error tags are strings
  const wrong: Codec<number> = { ...today, properties: () => ({ tags: { version: 1 } }) };
  void wrong;
  const fromEntry: CodecOfEntry<number> = jsonOfEntry<number>();
  await client.queues.send({ channel: "a", body: 1, codec: fromEntry });
}

/** The input of the schema is unknown: only its output is sent. */
const coerced = () => json(z.coerce.number());

export async function defaults(): Promise<void> {
  const codec = json(z.object({ a: z.string().default("x"), inner: z.object({ b: z.number().default(1) }) }));
  await client.queues.send({ channel: "a", body: { inner: {} }, codec });
  await client.queues.send(queue("a", gzip(codec)), { inner: {} });
  for (const { value } of await client.queues.receive({ channel: "a", codec })) {
    same<Same<typeof value, { a: string; inner: { b: number } }>>();
    await client.queues.send({ channel: "b", body: value, codec });
  }
  const asked = query("q", { request: codec, response: codec });
  void client.queries.handle(asked, ({ value }) => ({ inner: { b: value.inner.b } }));
  // @ts-expect-error what has no default is required
  await client.queues.send({ channel: "a", body: { a: "x" }, codec });
  // @ts-expect-error a string
  await client.queues.send({ channel: "a", body: { a: 1, inner: {} }, codec });
}

export function schemas(): void {
  const defaulted = json(z.object({ name: z.string().default("nobody"), when: z.coerce.date() }));
  same<Same<typeof defaulted, Codec<{ name: string; when: Date }, { name?: string | undefined; when: Date }>>>();
  const plain = json(z.object({ list: z.array(z.object({ a: z.string() })), of: z.union([z.string(), z.null()]) }));
  same<Same<typeof plain, Codec<{ list: { a: string }[]; of: string | null }>>>();
  const inList = json(z.array(z.object({ a: z.string().default("x") })));
  same<Same<typeof inList, Codec<{ a: string }[], { a?: string | undefined }[]>>>();
  same<Same<ReturnType<typeof coerced>, Codec<number>>>();
  const time = z.iso.datetime().transform((it) => new Date(it));
  // @ts-expect-error a schema that turns strings into dates does not accept its own output
  json(time);
  // @ts-expect-error nor does it within an object
  json(z.object({ time }));
  const converted = json(time, { encode: (date) => date.toISOString() });
  same<Same<typeof converted, Codec<Date>>>();
  // @ts-expect-error the encoder writes what the schema accepts
  json(time, { encode: (date) => date });
  json({ replacer: (key, value) => (key === "secret" ? undefined : value) });
  // @ts-expect-error no such option
  json({ replace: () => 1 });
  const assumed = json<{ a: 1 }>({ reviver: (_, value) => value });
  same<Same<typeof assumed, Codec<{ a: 1 }>>>();
}

export async function messages(): Promise<void> {
  const codec = gzip(tagged(protobuf(EventSchema), { version: "1" }));
  await client.events.publish({ channel: "a", body: { EventID: "1" }, codec });
  await client.events.publish({ channel: "a", body: codec.decode(new Uint8Array()), codec });
  // @ts-expect-error an id is a string
  await client.events.publish({ channel: "a", body: { EventID: 1 }, codec });
  for await (const { value } of client.events.subscribe({ channel: "a", codec })) {
    same<Same<typeof value, MessageShape<typeof EventSchema>>>();
  }
  // @ts-expect-error a format of protobuf
  protobuf(EventSchema, { format: "text" });
}

export function contentTypes(): void {
  const codec = byContentType({ "application/json": json<{ a: 1 }>(), "text/plain": text }, { otherwise: bytes });
  same<Same<typeof codec, Decoder<string | { a: 1 } | Uint8Array>>>();
  const strict = byContentType({ "text/plain": text });
  same<Same<typeof strict, Decoder<string>>>();
}

export async function cloudEvents(): Promise<void> {
  const codec = cloudEvent(json(z.object({ total: z.number() })));
  const event = { id: "1", source: "/", type: "t", data: { total: 1 } };
  await client.events.publish({ channel: "a", body: event, codec });
  await client.events.publish({ channel: "a", body: { ...event, anything: 1, time: undefined }, codec });
  // @ts-expect-error an event has a type
  await client.events.publish({ channel: "a", body: { id: "1", source: "/" }, codec });
  // @ts-expect-error the data has a total
  await client.events.publish({ channel: "a", body: { ...event, data: {} }, codec });
  for await (const { value } of client.events.subscribe({ channel: "a", codec })) {
    same<Same<typeof value.data, { total: number } | undefined>>();
  }
  for await (const { value } of client.events.subscribe({ channel: "a", codec: cloudEvent() })) {
    same<Same<typeof value.data, unknown>>();
  }
}
