import { gzipSync } from "node:zlib";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { byContentType, bytes, cloudEvent, gzip, json, text, type Decoder } from "kubemq-es";
import { kubemq } from "kubemq-es/gen";
import { openWorld, type OpenWorld } from "../support/with-broker.js";

/**
 * Literal messages of the vendor's integrations and connectors, as their public sources of 2026
 * write them. Each is sent without this project's client, and decoded by it.
 */
interface Fixture {
  readonly name: string;
  readonly metadata?: string;
  readonly tags?: Record<string, string>;
  readonly body: string | Uint8Array;
  readonly codec: Decoder<unknown>;
  readonly value: unknown;
}

const anyType = byContentType({ "application/json": json(), "text/plain": text }, { otherwise: bytes });

/** The message of Celery in the body of a queue message; the arguments are JSON in base64. */
const celery: Decoder<{ task: string; args: unknown }> = {
  decode: (body) => {
    const task = json<{ body: string; headers: { task: string } }>().decode(body);
    return { task: task.headers.task, args: json().decode(Buffer.from(task.body, "base64")) };
  },
};

/** KubeMQContract: the metadata has U (plain) or C (gzip), the type and its version. */
const contract: Decoder<{ type: string; version: string; value: unknown }> = {
  decode: (body, message) => {
    const [, form, type = "", version = ""] = /^([UC])-(.+)-([\d.]+)$/.exec(message?.metadata ?? "") ?? [];
    const codec = form === "C" ? gzip(json()) : json();
    return { type, version, value: codec.decode(body, message) };
  },
};

const order = { id: 7, total: 99.5 };
const orderJson = '{"id":7,"total":99.5}';

const fixtures: readonly Fixture[] = [
  {
    name: "1 NestJS: a queue message",
    tags: {
      "nestjs:pattern": "orders",
      "nestjs:type": "queue",
      "nestjs:content-type": "application/json",
      "x-correlation-id": "3a6c1a52-8f5e-4d38-bd1c-6ad7b5d8a0f4",
    },
    body: orderJson,
    codec: anyType,
    value: order,
  },
  {
    name: "1 NestJS: a CQRS event",
    tags: { "nestjs:pattern": "cqrs.events.OrderPlaced", "nestjs:type": "cqrs-event" },
    body: orderJson,
    codec: json(),
    value: order,
  },
  {
    name: "1 NestJS: a dead letter",
    tags: {
      "nestjs:pattern": "orders",
      "nestjs:type": "queue",
      "nestjs:content-type": "application/json",
      "x-dlq-source-channel": "orders",
      "x-dlq-source-pattern-type": "queue",
      "x-dlq-source-id": "01J",
      "x-dlq-failure-reason": "no stock",
      "x-dlq-retry-count": "3",
      "x-dlq-timestamp": "2026-11-28T21:00:00.000Z",
    },
    body: "null",
    codec: anyType,
    value: null,
  },
  {
    name: "2 CloudEvents: JSON from the HTTP connector",
    tags: {
      ce_specversion: "1.0",
      ce_type: "order.placed",
      ce_source: "/shop",
      ce_id: "e-7",
      ce_subject: "orders",
      ce_time: "2026-11-28T21:00:00.123456789Z",
      ce_datacontenttype: "application/json",
      ce_tenant: "blue",
    },
    body: orderJson,
    codec: cloudEvent(),
    value: {
      specversion: "1.0",
      type: "order.placed",
      source: "/shop",
      id: "e-7",
      subject: "orders",
      time: "2026-11-28T21:00:00.123456789Z",
      datacontenttype: "application/json",
      tenant: "blue",
      data: order,
    },
  },
  {
    name: "2 CloudEvents: bytes",
    tags: { ce_specversion: "1.0", ce_type: "t", ce_source: "/s", ce_id: "1", ce_datacontenttype: "image/png" },
    body: Uint8Array.of(0x89, 0x50),
    codec: cloudEvent(),
    value: {
      specversion: "1.0",
      type: "t",
      source: "/s",
      id: "1",
      datacontenttype: "image/png",
      data: Uint8Array.of(0x89, 0x50),
    },
  },
  {
    name: "3 Spring Boot: an object",
    tags: {
      "spring-contentType": "application/json",
      "spring-id": "a8098c1a-f86e-11da-bd1a-00112444be1e",
      "spring-timestamp": "1795899600000",
      "kubemq-traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    },
    body: orderJson,
    codec: anyType,
    value: order,
  },
  {
    name: "3 Spring Boot: a string, which has the content type of JSON all the same",
    tags: { "spring-contentType": "application/json", "app-tenant": "blue" },
    body: "no JSON",
    codec: text,
    value: "no JSON",
  },
  {
    name: "4 FastStream: a model, without a content type, headers as tags",
    metadata: "orders",
    tags: { tenant: "blue", correlation_id: "c-1" },
    body: orderJson,
    codec: json(),
    value: order,
  },
  {
    name: "5 Watermill: a message with its id in a tag",
    tags: { _watermill_uuid: "0b4d7f3e-1f43-4f8b-9f0e-2b6a3b6a7f11", tenant: "blue" },
    body: orderJson,
    codec: json(),
    value: order,
  },
  {
    name: "6 Celery: a task",
    metadata: '{"lang":"py","task":"shop.place","id":"t-1","retries":0}',
    tags: { priority: "0" },
    body: JSON.stringify({
      body: Buffer.from(JSON.stringify([[7], { total: 99.5 }, { callbacks: null }])).toString("base64"),
      headers: { lang: "py", task: "shop.place", id: "t-1", retries: 0 },
      properties: { correlation_id: "t-1", body_encoding: "base64", delivery_tag: "d-1" },
      "content-type": "application/json",
      "content-encoding": "utf-8",
    }),
    codec: celery,
    value: { task: "shop.place", args: [[7], { total: 99.5 }, { callbacks: null }] },
  },
  {
    name: "6 Celery: a result",
    metadata: '{"task_id":"t-1","status":"SUCCESS"}',
    body: '{"task_id":"t-1","status":"SUCCESS","result":7,"traceback":null,"children":[]}',
    codec: json(),
    value: { task_id: "t-1", status: "SUCCESS", result: 7, traceback: null, children: [] },
  },
  {
    name: "6 Ray Serve: the progress of a task",
    tags: { task_id: "t-1", pct: "40" },
    body: '{"task_id":"t-1","pct":40,"detail":"loading"}',
    codec: json(),
    value: { task_id: "t-1", pct: 40, detail: "loading" },
  },
  {
    name: "7 MQTT: a payload with user properties",
    tags: { unit: "celsius" },
    body: "21.5",
    codec: text,
    value: "21.5",
  },
  {
    name: "7 AMQP 1.0: a value with its properties in the metadata",
    metadata: '{"amqp10":{"props":{"message_id":"m-1"},"app":{"n":{"$int64":"7"}},"body_section":"data"}}',
    tags: { "amqp10.subject": "orders" },
    body: orderJson,
    codec: {
      decode: (body, message) => [
        json().decode(body),
        (JSON.parse(message?.metadata ?? "") as { amqp10: { app: unknown } }).amqp10.app,
      ],
    },
    value: [order, { n: { $int64: "7" } }],
  },
  {
    name: "7 Google Pub/Sub: data with attributes as tags",
    tags: {
      tenant: "blue",
      _pubsub_message_id: "1",
      _pubsub_publish_time: "2026-11-28T21:00:00.123456789Z",
      _pubsub_ordering_key: "7",
    },
    body: orderJson,
    codec: json(),
    value: order,
  },
  {
    name: "7 MCP: text of a tool call",
    metadata: "from an agent",
    tags: { agent: "a-1" },
    body: "please restock",
    codec: text,
    value: "please restock",
  },
  {
    name: "8 KubeMQContract: plain",
    metadata: "U-Order-1.2.0.0",
    body: orderJson,
    codec: contract,
    value: { type: "Order", version: "1.2.0.0", value: order },
  },
  {
    name: "8 KubeMQContract: compressed, the name with dashes",
    metadata: "C-Order-Line-0.0.0.0",
    body: new Uint8Array(gzipSync(orderJson)),
    codec: contract,
    value: { type: "Order-Line", version: "0.0.0.0", value: order },
  },
];

let world: OpenWorld;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

describe("messages of other tools", () => {
  test.each(fixtures)("$name", async ({ metadata = "", tags = {}, body, codec, value }) => {
    const { address } = world.broker;
    // A session for each call is closed with it, so that nothing stays open.
    const raw = createClient(kubemq, createGrpcTransport({ baseUrl: `http://${address}`, idleConnectionTimeoutMs: 1 }));
    const Body = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const sent = await raw.sendQueueMessage({
      Channel: "foreign",
      Metadata: metadata,
      Tags: tags,
      Body,
      ClientID: "other",
    });
    expect(sent.IsError).toBe(false);
    const [message] = await world.client.queues.receive({ channel: "foreign", codec, waitSeconds: 1 });
    expect(message).toMatchObject({ metadata, tags });
    expect(message?.value).toEqual(value);
  });
});
