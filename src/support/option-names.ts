import { refuse, type Subject } from "./checks.js";

/** The name of every client option, with the names of its nested options. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  address: [],
  addressOrder: [],
  clientId: [],
  storeClientId: [],
  authToken: [],
  tls: ["ca", "cert", "key", "passphrase", "serverName", "rejectUnauthorized"],
  timeoutMs: [],
  connectTimeoutMs: [],
  keepalive: ["intervalMs", "timeoutMs"],
  reconnect: ["initialDelayMs", "maxDelayMs", "jitter", "maxAttempts", "firstAttempts"],
  maxMessageBytes: [],
  flowControl: ["streamBytes", "connectionBytes"],
  telemetry: [],
};

const CLIENT: Subject = { operation: "client.options" };

/** Names that other clients use for the same option and that no comparison of letters finds. */
const SYNONYMS: Readonly<Record<string, string>> = {
  host: "address",
  hosts: "address",
  server: "address",
  url: "address",
  token: "authToken",
  auth: "authToken",
  jwt: "authToken",
  ssl: "tls",
  retry: "reconnect",
  ping: "keepalive",
  name: "clientId",
};

/**
 * Refuses unknown options: a client with a misspelt `address` would connect to the default address.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when an option does not exist
 */
export function checkOptionNames(options: unknown): void {
  checkObject(CLIENT, "options", options, ', as in new KubeMQClient({ address: "host:50000" })');
  checkNames(CLIENT, "", options, Object.keys(OPTIONS));
  for (const [name, within] of Object.entries(OPTIONS)) {
    const value = options[name];
    if (within.length === 0 || value === undefined || typeof value === "boolean") continue;
    checkObject(CLIENT, name, value, "");
    checkNames(CLIENT, `${name}.`, value, within);
  }
}

/**
 * Refuses options of a subscription, a consumer or a message that do not exist: a misspelt option would have no effect.
 *
 * @param prefix - of the names in the error, such as `retry.`
 * @throws KubeMQError INVALID_ARGUMENT
 */
export function checkKnown(subject: Subject, prefix: string, value: unknown, known: readonly string[]): void {
  if (value === undefined) return;
  checkObject(subject, prefix === "" ? "options" : prefix.slice(0, -1), value, "");
  checkNames(subject, prefix, value, known);
}

function checkObject(
  subject: Subject,
  name: string,
  value: unknown,
  hint: string,
): asserts value is Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  const what = Array.isArray(value) ? "an array" : value === null ? "null" : `a ${typeof value}`;
  throw refuse(subject, `${name} must be an object${hint}, got ${what}`);
}

function checkNames(subject: Subject, prefix: string, value: Record<string, unknown>, known: readonly string[]): void {
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const meant = suggestion(name, known);
    const hint =
      meant === undefined ? `the options are ${known.join(", ")}` : `did you mean ${JSON.stringify(prefix + meant)}?`;
    throw refuse(subject, `unknown option ${JSON.stringify(prefix + name)}: ${hint}`);
  }
}

/** The most likely intended name: one that contains the other, or differs in a few letters. */
function suggestion(name: string, known: readonly string[]): string | undefined {
  const given = name.toLowerCase();
  const synonym = SYNONYMS[given];
  if (synonym !== undefined && known.includes(synonym)) return synonym;
  if (given.length >= 3) {
    const lower = known.map((one) => one.toLowerCase());
    const begins = lower.findIndex((one) => one.startsWith(given) || given.startsWith(one));
    const contains = lower.findIndex((one) => one.includes(given) || given.includes(one));
    if (begins >= 0 || contains >= 0) return known[begins >= 0 ? begins : contains];
  }
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const one of known) {
    const distance = editDistance(given, one.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    best = one;
  }
  return best;
}

/** The number of letters to insert, delete or replace to turn one name into the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let at = 1; at <= from.length; at++) {
    const next = [at];
    for (let index = 1; index <= to.length; index++) {
      const replaced = (row[index - 1] ?? 0) + (from[at - 1] === to[index - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[index] ?? 0) + 1, (next[index - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
