import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { ClientOptions, TlsOptions } from "../index.js";
import { EXIT, Failure } from "./exit.js";
import { report } from "./terminal/output.js";
import type { Terminal } from "./terminal/terminal.js";

/** The servers of a configuration file, by their names: each has options of the client, as JSON. */
export type Servers = ReadonlyMap<string, ClientOptions>;

/** The file of `--config`, otherwise the user's configuration file. */
export function configPath({ env }: Terminal, given: string | undefined): string {
  if (given !== undefined) return given;
  const base = env["XDG_CONFIG_HOME"];
  return join(base === undefined || base === "" ? join(homedir(), ".config") : base, "kubemq-es", "config.json");
}

/** Reads the servers of the file. Paths in it are relative to it. */
export function readServers(terminal: Terminal, file: string): Servers {
  const refused = (why: string) => new Failure(`${file}: ${why}`, EXIT.usage);
  let config: unknown;
  try {
    config = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const format = 'the format is {"servers":{"NAME":{"address":"HOST:PORT"}}}';
    if (error instanceof SyntaxError) throw refused(`it is not JSON (${error.message}); ${format}`);
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw refused(isMissing ? `no such file; create it, ${format}` : `it cannot be read (${(error as Error).message})`);
  }
  const servers = isObject(config) ? config["servers"] : undefined;
  if (!isObject(servers)) throw refused('it has no "servers"');
  const entries = Object.entries(servers).map(([name, options]): [string, ClientOptions] => {
    if (!isObject(options)) throw refused(`the server ${name} is not an object`);
    return [name, withPaths(options, dirname(resolve(file)))];
  });
  const hasToken = entries.some(([, { authToken }]) => authToken !== undefined);
  if (hasToken && isOpen(file)) report(terminal, `${file} has a token and can be read by others: chmod 600 it`);
  return new Map(entries);
}

export function serverNamed(servers: Servers, name: string, file: string): ClientOptions {
  const options = servers.get(name);
  if (options !== undefined) return options;
  const known = servers.size === 0 ? "none" : [...servers.keys()].join(", ");
  throw new Failure(`${file} has no server ${name}; it has ${known}`, EXIT.usage);
}

function withPaths(options: ClientOptions, folder: string): ClientOptions {
  const { tls } = options;
  if (tls === undefined || typeof tls === "boolean") return options;
  const { ca, cert, key } = tls;
  const path = (value: TlsOptions["ca"]) =>
    typeof value === "string" && !value.includes("-----BEGIN") ? resolve(folder, value) : value;
  return {
    ...options,
    tls: {
      ...tls,
      ...(ca !== undefined && { ca: path(ca) }),
      ...(cert !== undefined && { cert: path(cert) }),
      ...(key !== undefined && { key: path(key) }),
    },
  };
}

/** Windows has no such modes. */
function isOpen(file: string): boolean {
  return process.platform !== "win32" && (statSync(file).mode & 0o044) !== 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
