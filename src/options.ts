import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { KubeMQError } from "./errors.js";
import type { BackoffPolicy } from "./internal/backoff.js";
import type { Telemetry } from "./telemetry.js";

/** TLS settings. Certificates and keys are PEM text, PEM bytes, or the path of a PEM file, which is read anew for every connection. */
export interface TlsOptions {
  /** Authorities to trust in place of the system's. */
  ca?: string | Uint8Array;
  /** The client's certificate, for servers that ask for one. Needs `key`. */
  cert?: string | Uint8Array;
  /** The client's private key. Needs `cert`. */
  key?: string | Uint8Array;
  /** The name the server's certificate must have. Default: the host of the address. */
  serverName?: string;
  /** False accepts any certificate: for experiments only. @default true */
  rejectUnauthorized?: boolean;
}

/** A token and, if known, until when it is good. */
export type AuthToken = string | { readonly token: string; readonly expiresAt?: Date };

/** Settings of a {@link KubeMQClient}. */
export interface ClientOptions {
  /**
   * The server: `host:port`, `http://host:port` (plain text) or `https://host:port` (TLS). A bare `host:port` is plain text
   * unless `tls` says otherwise; with an `authToken` a bare address that is not loopback is refused until `tls` or `http://` says which it is.
   * @default "localhost:50000"
   */
  address?: string;
  /** Identifies this client in the server's access control and logs: letters, digits, `-` and `_`. @default "kubemq-es-" and 8 random characters */
  clientId?: string;
  /**
   * The token that authenticates this client, or a function that gives it. The function is called for the first call, when
   * `expiresAt` has passed, and once after the server refused the token; calls that wait for it share one call of it.
   */
  authToken?: string | (() => AuthToken | Promise<AuthToken>);
  /** TLS: true for the system's authorities, or settings. @default true for `https://`, else false */
  tls?: boolean | TlsOptions;
  /** How long a call waits for its answer, in milliseconds. Does not apply to streams. @default 10000 */
  timeoutMs?: number;
  /** How long a connection may take to be made, in milliseconds. @default 10000 */
  connectTimeoutMs?: number;
  /**
   * While streams are open and nothing was received for `intervalMs`, the server is pinged; no answer within `timeoutMs`
   * means that the connection is dead, and every stream comes back on a new one. A connection that the server has asked to leave is watched
   * apart, as long as there are streams on it. @default { intervalMs: 10000, timeoutMs: 5000 }
   */
  keepalive?: false | { intervalMs?: number; timeoutMs?: number };
  /**
   * How streams come back after a lost connection: after a random delay below `initialDelayMs`, doubled with each failure up to
   * `maxDelayMs`. `maxAttempts` failures in a row end the stream. False: the first loss ends it.
   * @default { initialDelayMs: 100, maxDelayMs: 10000, jitter: 1, maxAttempts: Infinity }
   */
  reconnect?: false | { initialDelayMs?: number; maxDelayMs?: number; jitter?: number; maxAttempts?: number };
  /** The largest message in bytes, both ways. A larger one is refused before it is sent. @default 104857600 (100 MiB, as servers have it) */
  maxMessageBytes?: number;
  /**
   * HTTP/2 flow-control windows, in bytes: how much a server may send before it is read. Larger windows are faster over long
   * distances; a window is also memory, and messages in flight. @default { streamBytes: 1048576, connectionBytes: 2097152 }
   */
  flowControl?: { streamBytes?: number; connectionBytes?: number };
  /**
   * Traces and counts what is sent, processed and settled: `openTelemetry()` of `kubemq-es/opentelemetry`. It carries the context of a
   * message in its tags. Default: none, and nothing of it runs.
   */
  telemetry?: Telemetry;
}

/** Every default of {@link ClientOptions} in one place. */
export const DEFAULTS = {
  address: "localhost:50000",
  timeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  keepalive: { intervalMs: 10_000, timeoutMs: 5_000 },
  reconnect: { initialDelayMs: 100, maxDelayMs: 10_000, jitter: 1, maxAttempts: Infinity },
  maxMessageBytes: 104_857_600,
  flowControl: { streamBytes: 1_048_576, connectionBytes: 2_097_152 },
  closeTimeoutMs: 5_000,
  concurrency: 1,
  drainTimeoutMs: 5_000,
} as const;

/** Timers of Node.js hold at most this many milliseconds; longer ones fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Options, checked and complete. */
export interface ResolvedOptions {
  readonly origin: string;
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly authToken: ClientOptions["authToken"];
  /** The settings of a TLS connection, read anew each time, or undefined for plain text. */
  readonly tls: (() => TlsOptions) | undefined;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly keepalive: false | { readonly intervalMs: number; readonly timeoutMs: number };
  readonly reconnect: false | BackoffPolicy;
  readonly maxMessageBytes: number;
  readonly flowControl: { readonly streamBytes: number; readonly connectionBytes: number };
  readonly telemetry: Telemetry | undefined;
}

/** Checks options and fills in what they leave out. Contradictions are refused here, before anything is opened. */
export function resolveOptions(options: ClientOptions = {}): ResolvedOptions {
  const address = parseAddress(options.address ?? DEFAULTS.address);
  const tls = resolveTls(options.tls, address);
  if (options.authToken !== undefined && tls === undefined) refuseTokenInClear(options.tls, address);
  const clientId = options.clientId ?? `kubemq-es-${randomId()}`;
  if (!/^[A-Za-z0-9_-]+$/.test(clientId)) {
    throw invalid(`clientId may have letters, digits, "-" and "_" only, got ${JSON.stringify(clientId)}`);
  }
  if (options.authToken !== undefined && typeof options.authToken !== "function" && !isHeaderValue(options.authToken)) {
    throw invalid("authToken must be a text of visible ASCII characters that is not empty, or a function");
  }
  const reconnect = options.reconnect === false ? false : fill(DEFAULTS.reconnect, options.reconnect);
  if (reconnect !== false) {
    milliseconds("reconnect.initialDelayMs", reconnect.initialDelayMs);
    milliseconds("reconnect.maxDelayMs", reconnect.maxDelayMs);
    if (!(reconnect.jitter >= 0 && reconnect.jitter <= 1)) throw invalid("reconnect.jitter must be between 0 and 1");
    if (!(reconnect.maxAttempts >= 1)) throw invalid("reconnect.maxAttempts must be at least 1");
    if (reconnect.initialDelayMs > reconnect.maxDelayMs) {
      throw invalid("reconnect.initialDelayMs must not be above reconnect.maxDelayMs");
    }
  }
  const keepalive = options.keepalive === false ? false : fill(DEFAULTS.keepalive, options.keepalive);
  if (keepalive !== false) {
    milliseconds("keepalive.intervalMs", keepalive.intervalMs);
    milliseconds("keepalive.timeoutMs", keepalive.timeoutMs);
  }
  const flowControl = fill(DEFAULTS.flowControl, options.flowControl);
  for (const [name, value] of Object.entries(flowControl)) {
    if (!Number.isInteger(value) || value < 65_535 || value > 2 ** 31 - 1) {
      throw invalid(`flowControl.${name} must be between 65535 and 2147483647 bytes, got ${value}`);
    }
  }
  const maxMessageBytes = options.maxMessageBytes ?? DEFAULTS.maxMessageBytes;
  if (!Number.isInteger(maxMessageBytes) || maxMessageBytes < 1 || maxMessageBytes > 2 ** 31 - 1) {
    throw invalid(`maxMessageBytes must be between 1 and 2147483647, got ${maxMessageBytes}`);
  }
  if (options.telemetry !== undefined && typeof options.telemetry?.observe !== "function") {
    throw invalid("telemetry must be made by openTelemetry() of kubemq-es/opentelemetry, or have its method observe");
  }
  return {
    origin: `${tls === undefined ? "http" : "https"}://${address.authority}`,
    host: address.host,
    port: address.port,
    clientId,
    authToken: options.authToken,
    tls,
    timeoutMs: milliseconds("timeoutMs", options.timeoutMs ?? DEFAULTS.timeoutMs),
    connectTimeoutMs: milliseconds("connectTimeoutMs", options.connectTimeoutMs ?? DEFAULTS.connectTimeoutMs),
    keepalive,
    reconnect,
    maxMessageBytes,
    flowControl,
    telemetry: options.telemetry,
  };
}

/** Fills in what is missing; `undefined` counts as missing, as it does for every other option. */
function fill<K extends string>(
  defaults: Readonly<Record<K, number>>,
  given: Partial<Record<K, number>> = {},
): Record<K, number> {
  const filled: Record<K, number> = { ...defaults };
  for (const name in defaults) filled[name] = given[name] ?? defaults[name];
  return filled;
}

interface Address {
  readonly scheme: "http" | "https" | undefined;
  readonly host: string;
  readonly port: number;
  readonly authority: string;
}

function parseAddress(address: string): Address {
  const refuse = () =>
    invalid(`address must be "host:port", "http://host:port" or "https://host:port", got ${JSON.stringify(address)}`);
  if (typeof address !== "string") throw refuse();
  const [, scheme, rest] = /^(?:(https?):\/\/)?(.*)$/s.exec(address) ?? [];
  // What a URL would quietly drop or change is refused: paths, users, white space.
  if (rest === undefined || !/^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d+)?\/?$/.test(rest)) throw refuse();
  let url: URL;
  try {
    url = new URL(`${scheme ?? "http"}://${rest}`);
  } catch {
    throw refuse();
  }
  // URL drops the port that is the scheme's own; KubeMQ's own is 50000.
  const stated = /:(\d+)\/?$/.exec(rest)?.[1];
  const port = stated === undefined ? 50_000 : Number(stated);
  if (port < 1 || port > 65_535) throw refuse();
  return {
    scheme: scheme as Address["scheme"],
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port,
    authority: `${url.hostname}:${port}`,
  };
}

function resolveTls(tls: ClientOptions["tls"], address: Address): ResolvedOptions["tls"] {
  if (tls === false && address.scheme === "https") throw invalid(`tls is false, but the address says https://`);
  if (tls !== undefined && tls !== false && address.scheme === "http") {
    throw invalid(`tls is set, but the address says http://`);
  }
  if (tls === false || (tls === undefined && address.scheme !== "https")) return undefined;
  const settings = tls === undefined || tls === true ? {} : tls;
  if ((settings.cert === undefined) !== (settings.key === undefined)) {
    throw invalid(`tls.${settings.cert === undefined ? "cert" : "key"} is missing: cert and key go together`);
  }
  const read = () => ({
    ...settings,
    ...(settings.ca === undefined ? {} : { ca: readPem("ca", settings.ca) }),
    ...(settings.cert === undefined ? {} : { cert: readPem("cert", settings.cert) }),
    ...(settings.key === undefined ? {} : { key: readPem("key", settings.key) }),
  });
  // A path that cannot be read, or a key that is not the certificate's, is refused now and not at the first call.
  const { ca, cert, key } = read();
  try {
    createSecureContext({
      ...(ca && { ca: pem(ca) }),
      ...(cert && { cert: pem(cert) }),
      ...(key && { key: pem(key) }),
    });
  } catch (cause) {
    throw new KubeMQError("INVALID_ARGUMENT", `tls: certificates or key cannot be used: ${messageOf(cause)}`, {
      cause,
    });
  }
  return read;
}

function readPem(name: string, value: string | Uint8Array): string | Uint8Array {
  if (typeof value !== "string" || value.includes("-----BEGIN")) return value;
  try {
    return readFileSync(value);
  } catch (cause) {
    throw new KubeMQError("INVALID_ARGUMENT", `tls.${name} is neither PEM text nor a file that can be read`, { cause });
  }
}

/** PEM as node:tls takes it. */
export function pem(value: string | Uint8Array): string | Buffer {
  return typeof value === "string" ? value : Buffer.from(value);
}

/** By shape: an error of Node.js is no `Error` in a jest sandbox. */
function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);
}

function refuseTokenInClear(tls: ClientOptions["tls"], address: Address): void {
  const loopback = /^(localhost|127(\.\d+){3}|::1)$/.test(address.host);
  if (loopback || tls === false || address.scheme === "http") return;
  throw invalid(
    `authToken would travel in plain text to ${address.host}: use https:// or tls, or say http:// if that is meant`,
  );
}

/** Whether a text can be the value of an HTTP/2 header. */
export function isHeaderValue(value: unknown): value is string {
  return typeof value === "string" && /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value);
}

function milliseconds(name: string, value: number): number {
  if (!(typeof value === "number" && value > 0 && value <= MAX_TIMER_MS)) {
    throw invalid(`${name} must be above 0 and at most ${MAX_TIMER_MS} milliseconds, got ${String(value)}`);
  }
  return value;
}

function randomId(): string {
  return crypto.randomUUID().slice(0, 8);
}

function invalid(message: string): KubeMQError {
  return new KubeMQError("INVALID_ARGUMENT", message, { operation: "client.options" });
}
