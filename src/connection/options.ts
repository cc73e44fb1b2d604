import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { KubeMQError } from "../api/errors.js";
import type { ClientOptions, TlsOptions } from "../api/options.js";
import type { Telemetry } from "../api/telemetry.js";
import { checkOptionNames } from "../support/names/client-options.js";
import { type Address, parseAddresses, type Server } from "./servers/address.js";
import type { ReconnectPolicy } from "../support/time/backoff.js";
import { DEFAULTS, MAX_TIMER_MS } from "../support/defaults.js";

/** Minimum default of `connectTimeoutMs` for a list of servers. */
const LEAST_CONNECT_TIMEOUT_MS = 1_000;

/** Checked and complete options. */
export interface ResolvedOptions {
  /** The servers in the order in which they are tried. */
  readonly servers: readonly [Server, ...Server[]];
  readonly clientId: string;
  readonly storeClientId: "unique" | "client";
  readonly authToken: ClientOptions["authToken"];
  /**
   * Reads the settings of a TLS connection; called for each connection. Undefined for plain text.
   */
  readonly tls: (() => TlsOptions) | undefined;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly keepalive: false | { readonly intervalMs: number; readonly timeoutMs: number };
  readonly reconnect: false | ReconnectPolicy;
  readonly resend: boolean;
  readonly maxMessageBytes: number;
  readonly flowControl: { readonly streamBytes: number; readonly connectionBytes: number };
  readonly telemetry: Telemetry | undefined;
}

/** Checks options and adds the defaults. Refuses contradictions before anything is opened. */
export function resolveOptions(options: ClientOptions = {}): ResolvedOptions {
  checkOptionNames(options);
  const { address = DEFAULTS.address, clientId = `kubemq-es-${randomId()}` } = options;
  const addresses = parseAddresses(address);
  const tls = resolveTls(options.tls, addresses);
  // promise: token-in-clear-refused
  if (options.authToken !== undefined && tls === undefined) refuseTokenInClear(options.tls, addresses);
  // promise: client-id-characters
  if (typeof clientId !== "string" || !/^[A-Za-z0-9_-]+$/.test(clientId)) {
    throw invalid(`clientId may have letters, digits, "-" and "_" only, got ${JSON.stringify(clientId)}`);
  }
  if (options.authToken !== undefined && typeof options.authToken !== "function" && !isHeaderValue(options.authToken)) {
    throw invalid("authToken must be a non-empty string of visible ASCII characters, or a function");
  }
  const reconnect = options.reconnect === false ? false : fill(DEFAULTS.reconnect, options.reconnect);
  if (reconnect !== false) {
    milliseconds("reconnect.initialDelayMs", reconnect.initialDelayMs);
    milliseconds("reconnect.maxDelayMs", reconnect.maxDelayMs);
    const { jitter, maxAttempts, firstAttempts } = reconnect;
    if (!isNumber(jitter) || jitter < 0 || jitter > 1) throw invalid("reconnect.jitter must be between 0 and 1");
    if (!isNumber(maxAttempts) || maxAttempts < 1) throw invalid("reconnect.maxAttempts must be at least 1");
    if (!isNumber(firstAttempts) || firstAttempts < 1) throw invalid("reconnect.firstAttempts must be at least 1");
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
  const { maxMessageBytes = DEFAULTS.maxMessageBytes, timeoutMs = DEFAULTS.timeoutMs } = options;
  const { connectTimeoutMs = connectTimeout(addresses.length) } = options;
  if (!Number.isInteger(maxMessageBytes) || maxMessageBytes < 1 || maxMessageBytes > 2 ** 31 - 1) {
    throw invalid(`maxMessageBytes must be between 1 and 2147483647, got ${maxMessageBytes}`);
  }
  if (options.telemetry !== undefined && typeof options.telemetry?.observe !== "function") {
    throw invalid("telemetry must be made by openTelemetry() of kubemq-es/opentelemetry, or have its method observe");
  }
  return {
    servers: inOrder(addresses, tls === undefined ? "http" : "https", options.addressOrder),
    clientId,
    storeClientId: storeClientIdOf(options.storeClientId),
    authToken: options.authToken,
    tls,
    timeoutMs: milliseconds("timeoutMs", timeoutMs),
    connectTimeoutMs: milliseconds("connectTimeoutMs", connectTimeoutMs),
    keepalive,
    reconnect,
    resend: resendOf(options.resend),
    maxMessageBytes,
    flowControl,
    telemetry: options.telemetry,
  };
}

function storeClientIdOf(given: ClientOptions["storeClientId"] = DEFAULTS.storeClientId): "unique" | "client" {
  if (given === "unique" || given === "client") return given;
  throw invalid(`storeClientId must be "unique" or "client", got ${JSON.stringify(given)}`);
}

function resendOf(given: ClientOptions["resend"] = DEFAULTS.resend): boolean {
  if (typeof given === "boolean") return given;
  throw invalid(`resend must be true or false, got ${JSON.stringify(given)}`);
}

/** Adds missing values. `undefined` counts as missing, as for every other option. */
function fill<K extends string>(
  defaults: Readonly<Record<K, number>>,
  given: { readonly [name in K]?: number | undefined } = {},
): Record<K, number> {
  const filled: Record<K, number> = { ...defaults };
  for (const name in defaults) {
    const { [name]: value = defaults[name] } = given;
    filled[name] = value;
  }
  return filled;
}

/** All servers of a list together may take the time that one server may take alone. */
function connectTimeout(servers: number): number {
  return Math.max(LEAST_CONNECT_TIMEOUT_MS, Math.round(DEFAULTS.connectTimeoutMs / servers));
}

function inOrder(
  addresses: readonly [Address, ...Address[]],
  scheme: "http" | "https",
  order: ClientOptions["addressOrder"] = DEFAULTS.addressOrder,
): ResolvedOptions["servers"] {
  const serverOf = ({ name, host, port }: Address): Server => ({ name, origin: `${scheme}://${name}`, host, port });
  const [first, ...others] = addresses;
  const servers: [Server, ...Server[]] = [serverOf(first), ...others.map(serverOf)];
  if (order === "listed") return servers;
  if (order !== "random") throw invalid(`addressOrder must be "listed" or "random", got ${JSON.stringify(order)}`);
  for (let left = servers.length - 1; left > 0; left--) {
    const taken = Math.floor(Math.random() * (left + 1));
    [servers[left], servers[taken]] = [servers[taken] as Server, servers[left] as Server];
  }
  return servers;
}

function resolveTls(tls: ClientOptions["tls"], addresses: readonly Address[]): ResolvedOptions["tls"] {
  if (tls === false && addresses.some(({ scheme }) => scheme === "https")) {
    throw invalid(`tls is false, but the address says https://`);
  }
  if (tls !== undefined && tls !== false && addresses.some(({ scheme }) => scheme === "http")) {
    throw invalid(`tls is set, but the address says http://`);
  }
  const secure = addresses.filter(({ scheme }) => scheme === "https").length;
  if (tls === undefined && secure > 0 && secure < addresses.length) {
    throw invalid("address has servers with and without https://: all servers of a list must use TLS, or none");
  }
  if (tls === false || (tls === undefined && secure === 0)) return undefined;
  const settings = tls === undefined || tls === true ? {} : tls;
  if ((settings.cert === undefined) !== (settings.key === undefined)) {
    throw invalid(`tls.${settings.cert === undefined ? "cert" : "key"} is missing: cert and key go together`);
  }
  if (settings.passphrase !== undefined && settings.key === undefined) {
    throw invalid("tls.passphrase is set without tls.key, which it decrypts");
  }
  // promise: certificates-read-again
  const read = () => ({
    ...settings,
    ...(settings.ca === undefined ? {} : { ca: readPem("ca", settings.ca) }),
    ...(settings.cert === undefined ? {} : { cert: readPem("cert", settings.cert) }),
    ...(settings.key === undefined ? {} : { key: readPem("key", settings.key) }),
  });
  // Refuses an unreadable file, or a key that does not match the certificate, here instead of at
  // the first call.
  const { ca, cert, key } = read();
  try {
    // promise: key-checked
    createSecureContext({
      ...(ca && { ca: pem(ca) }),
      ...(cert && { cert: pem(cert) }),
      ...(key && { key: pem(key) }),
      ...(settings.passphrase === undefined ? {} : { passphrase: settings.passphrase }),
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
    const which = isPath(value) ? `: ${JSON.stringify(value)} (${codeOf(cause)})` : "";
    const text = `tls.${name} is neither PEM text nor a file that can be read${which}`;
    throw new KubeMQError("INVALID_ARGUMENT", text, { cause });
  }
}

/**
 * Whether a string is a path for certain. Otherwise it may be a key in another form, and is not
 * shown.
 */
function isPath(value: string): boolean {
  return value.length <= 300 && /^(?:[./~\\]|[A-Za-z]:)|\.\w{1,5}$/.test(value);
}

function codeOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" ? code : messageOf(error);
}

/** Converts PEM to the types that node:tls accepts. */
export function pem(value: string | Uint8Array): string | Buffer {
  return typeof value === "string" ? value : Buffer.from(value);
}

/** Checks the shape, because an error of Node.js is not an `Error` in a jest sandbox. */
function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);
}

function refuseTokenInClear(tls: ClientOptions["tls"], addresses: readonly Address[]): void {
  for (const { host, scheme } of addresses) {
    const loopback = /^(localhost|127(\.\d+){3}|::1)$/.test(host);
    if (loopback || tls === false || scheme === "http") continue;
    throw invalid(
      `authToken would travel in plain text to ${host}: use https:// or tls, or say http:// if that is meant`,
    );
  }
}

/** Whether a string can be the value of an HTTP/2 header. */
export function isHeaderValue(value: unknown): value is string {
  return typeof value === "string" && /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && !Number.isNaN(value);
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
