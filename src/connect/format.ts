import { createHash } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorFromJson, errorToJson } from "@connectrpc/connect/protocol-connect";
import { createMethodSerializationLookup } from "@connectrpc/connect/protocol";
import type { DescMessage, DescMethod, DescMethodUnary, JsonValue, JsonWriteOptions } from "@bufbuild/protobuf";
import type { MessageOptions } from "./options.js";

/** How an RPC looks as a query: docs/rpc.md describes this format for other languages. */

export const DEFAULT_PREFIX = "rpc.";

/** The version of this format. Only a later version has to be stated. */
const VERSION_TAG = "rpc-version";

const VERSION = "1";

/** Absent for the binary format of protobuf, which is the default. */
const CONTENT_TYPE_TAG = "rpc-content-type";

const JSON_TYPE = "application/json";

const BINARY_TYPE = "application/proto";

const ERROR_TAG = "rpc-error";

export const HEADER_PREFIX = "rpc-header-";

export const TRAILER_PREFIX = "rpc-trailer-";

/** How the messages of a method are encoded, and how large they may be. */
export type Serialization = ReturnType<typeof createMethodSerializationLookup<DescMessage, DescMessage>>;

/** The limits of Connect: 4 GiB. */
export const NO_LIMIT_BYTES = 0xffff_ffff;

export type Tags = Readonly<Record<string, string>>;

/** The metadata of a query that calls the method. It also makes an empty message a valid query. */
export function procedureOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** The URL that interceptors and handlers see. */
export function urlOf(channel: string, method: DescMethod): string {
  return `kubemq://${channel}${procedureOf(method)}`;
}

export function serializationOf(method: DescMethodUnary, options: MessageOptions): Serialization {
  const { binaryOptions, jsonOptions, readMaxBytes = NO_LIMIT_BYTES, writeMaxBytes = NO_LIMIT_BYTES } = options;
  return createMethodSerializationLookup(method, binaryOptions, jsonOptions, { readMaxBytes, writeMaxBytes });
}

/** Adds headers or trailers to tags. Names are in lower case; several values are joined by ", ". */
export function addHeaders(tags: Record<string, string>, prefix: string, headers: Headers): void {
  for (const [name, value] of headers) {
    const key = prefix + name;
    const before = tags[key]; // only of set-cookie, whose values are not joined by Headers
    tags[key] = before === undefined ? value : `${before}, ${value}`;
  }
}

/** @throws {ConnectError} `code` when a tag is not a valid header. */
export function headersIn(tags: Tags, prefix: string, code: Code): Headers {
  const headers = new Headers();
  for (const key in tags) {
    if (!key.startsWith(prefix)) continue;
    try {
      headers.set(key.slice(prefix.length), tags[key] as string);
    } catch (cause) {
      throw new ConnectError(`the tag ${JSON.stringify(key)} is not a valid header`, code, undefined, undefined, cause);
    }
  }
  return headers;
}

export function addContentType(tags: Record<string, string>, isBinary: boolean): void {
  if (!isBinary) tags[CONTENT_TYPE_TAG] = JSON_TYPE;
}

/** @throws {ConnectError} Unimplemented for a version or a content type that is not known. */
export function checkFormat(tags: Tags): void {
  const { [VERSION_TAG]: version = VERSION, [CONTENT_TYPE_TAG]: type = BINARY_TYPE } = tags;
  if (version !== VERSION) throw unsupported(`version ${version} of the RPC format`); // promise: rpc-version-checked
  if (type !== BINARY_TYPE && type !== JSON_TYPE) throw unsupported(`the content type ${type}`);
}

function unsupported(what: string): ConnectError {
  return new ConnectError(`${what} is not supported: upgrade kubemq-es`, Code.Unimplemented);
}

export function isBinary(tags: Tags): boolean {
  return tags[CONTENT_TYPE_TAG] !== JSON_TYPE;
}

/** Adds an error as its JSON form in the Connect protocol. Its metadata are headers. */
export function addError(
  tags: Record<string, string>,
  error: ConnectError,
  jsonOptions: Partial<JsonWriteOptions> | undefined,
): void {
  tags[ERROR_TAG] = JSON.stringify(errorToJson(error, jsonOptions));
}

/**
 * Removes error details that cannot be encoded, because a handler in JavaScript may attach any
 * value. The caller still receives the code.
 *
 * @returns the error to send, and why details are left out
 */
export function sendable(
  error: ConnectError,
  jsonOptions: Partial<JsonWriteOptions> | undefined,
): { readonly error: ConnectError; readonly fault?: unknown } {
  if (Array.isArray(error.details) && error.details.length === 0) return { error };
  let fault: unknown;
  const details = [error.details].flat().filter((detail) => {
    const alone = new ConnectError("", error.code);
    alone.details = [detail];
    try {
      const [written] =
        (errorToJson(alone, jsonOptions) as { details?: { type?: unknown; value?: unknown }[] }).details ?? [];
      if (typeof written?.type === "string" && typeof written.value === "string") return true;
      fault ??= new TypeError("a detail of the error has no type or no value");
    } catch (thrown) {
      fault ??= thrown;
    }
    return false;
  });
  if (fault === undefined) return { error };
  const sent = new ConnectError(error.rawMessage, error.code, error.metadata);
  sent.details = details;
  return { error: sent, fault }; // promise: rpc-invalid-detail-left-out
}

/**
 * The error of a response that says that the query was not executed. `reason` is the error string
 * of the response. Without an error in the tags, no handler has answered: the responder stopped, or
 * it is not an RPC server.
 */
export function errorIn(tags: Tags, reason: string): ConnectError {
  const json = tags[ERROR_TAG];
  const metadata = headersIn(tags, HEADER_PREFIX, Code.Internal);
  headersIn(tags, TRAILER_PREFIX, Code.Internal).forEach((value, name) => metadata.append(name, value));
  // promise: rpc-stopped-unavailable
  if (json === undefined) return new ConnectError(reason, Code.Unavailable, metadata);
  const fallback = new ConnectError(reason, Code.Unknown);
  try {
    return errorFromJson(JSON.parse(json) as JsonValue, metadata, fallback);
  } catch {
    return fallback;
  }
}

/**
 * The key of a call in the server's cache. It contains the headers, because they may be
 * credentials.
 */
export function cacheKey(channel: string, procedure: string, tags: Tags, body: Uint8Array): string {
  const hash = createHash("sha256").update(JSON.stringify(tags)).update(body); // promise: rpc-cache-by-headers
  return `${channel}${procedure}:${hash.digest("base64url")}`;
}
