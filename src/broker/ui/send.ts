import { create } from "@bufbuild/protobuf";
import { ConnectError, createContextValues } from "@connectrpc/connect";
import {
  EventSchema,
  QueueMessageSchema,
  RequestSchema,
  Request_RequestType,
  type Response,
} from "../../../gen/kubemq_pb.js";
import type { CallContext, ChannelKind, Rpcs } from "../service.js";
import { Refusal } from "./guard.js";
import { readable } from "./recent-messages.js";

const kinds: readonly ChannelKind[] = ["events", "eventsStore", "queues", "commands", "queries"];

/** The client id of messages that the page sends. */
const ClientID = "broker-page";

/** How long the page waits for the answer to a command or query. */
const Timeout = 5_000;

/** What the page reports about a sent message. */
export interface SentReport {
  readonly outcome: string;
}

export function kindOf(value: unknown): ChannelKind {
  const kind = kinds.find((known) => known === value);
  if (kind === undefined) throw new Refusal(400, `kind must be one of ${kinds.join(", ")}`);
  return kind;
}

/**
 * Sends a message as a client would: it passes the same checks, and is delivered in the same way.
 */
export async function send(rpcs: Rpcs, form: Readonly<Record<string, unknown>>): Promise<SentReport> {
  const kind = kindOf(form["kind"]);
  const content = {
    ClientID,
    Channel: stringOf(form, "channel"),
    Metadata: stringOf(form, "metadata"),
    Body: bodyOf(form),
    Tags: tagsOf(form["tags"]),
  };
  const context: CallContext = { signal: new AbortController().signal, values: createContextValues() };
  try {
    if (kind === "queues") {
      const result = await rpcs.sendQueueMessage?.(create(QueueMessageSchema, content), context);
      if (result?.Error) throw new Refusal(400, result.Error);
      return { outcome: `sent ${result?.MessageID ?? ""}` };
    }
    if (kind === "events" || kind === "eventsStore") {
      const event = create(EventSchema, { ...content, Store: kind === "eventsStore" });
      const result = await rpcs.sendEvent?.(event, context);
      return { outcome: `sent ${result?.EventID ?? ""}` };
    }
    const RequestTypeData = kind === "commands" ? Request_RequestType.Command : Request_RequestType.Query;
    const response = await rpcs.sendRequest?.(create(RequestSchema, { ...content, RequestTypeData, Timeout }), context);
    return { outcome: answerOf(response) };
  } catch (error) {
    if (error instanceof ConnectError) throw new Refusal(400, error.rawMessage);
    throw error;
  }
}

function answerOf(response: Partial<Pick<Response, "Executed" | "Error" | "Body">> = {}): string {
  const { Executed, Error: error, Body = new Uint8Array() } = response;
  if (error) return `answered with an error: ${error}`;
  if (Executed !== true) return "answered: not executed";
  if (Body.length === 0) return "executed";
  const { encoding, body } = readable(Body.subarray(0, 500), Body.length);
  return `executed, answered ${encoding === "hex" ? "hex " : ""}${body}`;
}

function stringOf(form: Readonly<Record<string, unknown>>, name: string): string {
  const value = form[name] ?? "";
  if (typeof value !== "string") throw new Refusal(400, `${name} must be a string`);
  return value;
}

function bodyOf(form: Readonly<Record<string, unknown>>): Uint8Array {
  const body = stringOf(form, "body");
  if (form["encoding"] !== "hex") return new TextEncoder().encode(body);
  const digits = body.replaceAll(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Refusal(400, "a body in hex is made of pairs of 0-9 and a-f");
  return new Uint8Array(Buffer.from(digits, "hex"));
}

function tagsOf(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Object.values(value).some((tag) => typeof tag !== "string")) {
    throw new Refusal(400, "tags must be an object of strings");
  }
  return value as Record<string, string>;
}
