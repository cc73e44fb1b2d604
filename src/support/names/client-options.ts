import type { Subject } from "../checks.js";
import { checkKnown, checkObject } from "./known.js";

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
  resend: [],
  maxMessageBytes: [],
  flowControl: ["streamBytes", "connectionBytes"],
  telemetry: [],
};

const CLIENT: Subject = { operation: "client.options" };

/**
 * Refuses unknown options: a client with a misspelt `address` would connect to the default address.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when an option does not exist
 */
export function checkOptionNames(options: unknown): void {
  checkObject(CLIENT, "options", options, ', as in new KubeMQClient({ address: "host:50000" })');
  checkKnown(CLIENT, "", options, Object.keys(OPTIONS), OPTIONS);
  for (const [name, within] of Object.entries(OPTIONS)) {
    const value = options[name];
    if (within.length === 0 || value === undefined || typeof value === "boolean") continue;
    checkKnown(CLIENT, `${name}.`, value, within);
  }
}
