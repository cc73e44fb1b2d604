import type { ClientOptions, TlsOptions } from "./api/options.js";
import { resolveOptions } from "./connection/options.js";
import { KubeMQError } from "./api/errors.js";

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads client options from the environment variables of the vendor's SDKs. An empty variable
 * counts as missing, and options that no variable sets are absent.
 *
 * - `KUBEMQ_ADDRESS`: the server, or several separated by commas; a comma after the last one is
 *   ignored; `kubemq://` and `kubemq+tls://` are
 *   accepted as `http://` and `https://` are
 * - `KUBEMQ_CLIENT_ID`, `KUBEMQ_AUTH_TOKEN`: identity and token of the client. `KUBEMQ_TOKEN` is
 *   not read: it is the licence of older server images
 * - `KUBEMQ_TLS_ENABLED` or `KUBEMQ_TLS`: `true`, `false`, `1` or `0`
 * - `KUBEMQ_TLS_CA_FILE`, `KUBEMQ_TLS_CERT_FILE`, `KUBEMQ_TLS_KEY_FILE`: paths of PEM files. The
 *   certificate is the client's; the vendor's Rust and C++ SDKs expect the authority there
 * - `KUBEMQ_TLS_SERVER_NAME`: the name in the server's certificate
 * - `KUBEMQ_TIMEOUT`: `timeoutMs`
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when a value cannot be used; the message names the
 *   variable
 * @example
 * const client = await KubeMQClient.connect({ ...optionsFromEnv(), clientId: "orders" });
 */
export function optionsFromEnv(env: Environment = process.env): ClientOptions {
  const read = (name: string) => (env[name] === undefined || env[name].trim() === "" ? undefined : env[name].trim());
  const options: Writable<ClientOptions> = {};

  const address = read("KUBEMQ_ADDRESS");
  if (address !== undefined) {
    const servers = address
      .replace(/\s*,$/, "")
      .split(",")
      .map((one) => plainAddress(one.trim()));
    options.address = servers.length === 1 ? (servers[0] as string) : servers;
    check("KUBEMQ_ADDRESS", { address: options.address });
  }
  const clientId = read("KUBEMQ_CLIENT_ID");
  if (clientId !== undefined) {
    options.clientId = clientId;
    check("KUBEMQ_CLIENT_ID", { clientId });
  }
  const authToken = read("KUBEMQ_AUTH_TOKEN");
  if (authToken !== undefined) {
    options.authToken = authToken;
    check("KUBEMQ_AUTH_TOKEN", { authToken });
  }
  const tls = tlsOf(read);
  if (tls !== undefined) options.tls = tls;
  const timeout = read("KUBEMQ_TIMEOUT");
  if (timeout !== undefined) {
    if (!/^\d+$/.test(timeout)) {
      const why = `timeoutMs must be a whole number of milliseconds, got ${JSON.stringify(timeout)}`;
      throw refused("KUBEMQ_TIMEOUT", why);
    }
    options.timeoutMs = Number(timeout);
    check("KUBEMQ_TIMEOUT", { timeoutMs: options.timeoutMs });
  }
  return options;
}

function plainAddress(address: string): string {
  return address.replace(/^kubemq\+tls:\/\//, "https://").replace(/^kubemq:\/\//, "");
}

const TLS_FILES = { ca: "KUBEMQ_TLS_CA_FILE", cert: "KUBEMQ_TLS_CERT_FILE", key: "KUBEMQ_TLS_KEY_FILE" } as const;

function tlsOf(read: (name: string) => string | undefined): ClientOptions["tls"] {
  const settings: Writable<TlsOptions> = {};
  for (const [name, variable] of Object.entries(TLS_FILES)) {
    const file = read(variable);
    if (file !== undefined) settings[name as keyof typeof TLS_FILES] = file;
  }
  const serverName = read("KUBEMQ_TLS_SERVER_NAME");
  if (serverName !== undefined) settings.serverName = serverName;
  const switchName = read("KUBEMQ_TLS_ENABLED") === undefined ? "KUBEMQ_TLS" : "KUBEMQ_TLS_ENABLED";
  const enabled = truth(switchName, read(switchName));
  if (settings.cert !== undefined && settings.key === undefined) {
    const hint = "an authority to trust is KUBEMQ_TLS_CA_FILE";
    throw refused(TLS_FILES.cert, `needs KUBEMQ_TLS_KEY_FILE, the key of the client's certificate; ${hint}`);
  }
  if (settings.key !== undefined && settings.cert === undefined) {
    throw refused(TLS_FILES.key, "needs KUBEMQ_TLS_CERT_FILE, the client's certificate");
  }
  if (enabled === false) return false;
  if (Object.keys(settings).length === 0) return enabled;
  if (settings.ca !== undefined) check(TLS_FILES.ca, { tls: { ca: settings.ca } });
  if (settings.cert !== undefined && settings.key !== undefined) {
    check(`${TLS_FILES.cert} and ${TLS_FILES.key}`, { tls: { cert: settings.cert, key: settings.key } });
  }
  return settings;
}

function truth(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (/^(true|1)$/i.test(value)) return true;
  if (/^(false|0)$/i.test(value)) return false;
  throw refused(name, `must be true, false, 1 or 0, got ${JSON.stringify(value)}`);
}

/** Checks one option alone: what it means together with others is checked by the client. */
function check(name: string, options: ClientOptions): void {
  try {
    resolveOptions(options);
  } catch (error) {
    throw refused(name, error instanceof Error ? error.message : String(error));
  }
}

function refused(name: string, why: string): KubeMQError {
  return new KubeMQError("INVALID_ARGUMENT", `${name}: ${why}`, { operation: "client.options" });
}
