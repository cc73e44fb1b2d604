import type { KubeMQError } from "../../api/errors.js";
import { refuse } from "../../support/checks.js";

/** A server that a client may use. */
export interface Server {
  /** `host:port`, for people and for comparison. */
  readonly name: string;
  /** The address with the scheme that decides about TLS. */
  readonly origin: string;
  readonly host: string;
  readonly port: number;
}

/** A server as its address names it. */
export interface Address extends Omit<Server, "origin"> {
  readonly scheme: "http" | "https" | undefined;
}

/** Parses one address or a list of addresses. */
export function parseAddresses(given: string | readonly string[]): readonly [Address, ...Address[]] {
  if (!Array.isArray(given)) return [parseAddress(given as string)];
  const [first, ...others] = given.map(parseAddress);
  if (first === undefined) throw invalid("address is an empty list: name at least one server");
  const addresses = [first, ...others] as const;
  const names = new Set<string>();
  for (const { name } of addresses) {
    if (names.has(name)) throw invalid(`address lists ${name} twice`);
    names.add(name);
  }
  return addresses;
}

function parseAddress(address: string): Address {
  if (typeof address !== "string") throw noAddress(address);
  const [, scheme, rest] = /^(?:(https?):\/\/)?(.*)$/s.exec(address) ?? [];
  // Refuses paths, users and white space, because `URL` would drop or change them silently.
  if (rest === undefined || !/^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d+)?\/?$/.test(rest)) {
    throw noAddress(address);
  }
  let url: URL;
  try {
    url = new URL(`${scheme ?? "http"}://${rest}`);
  } catch {
    throw noAddress(address);
  }
  // `URL` drops the default port of the scheme; the default port of KubeMQ is 50000.
  const stated = /:(\d+)\/?$/.exec(rest)?.[1];
  const port = stated === undefined ? 50_000 : Number(stated);
  if (port < 1 || port > 65_535) throw noAddress(address);
  return {
    name: `${url.hostname}:${port}`,
    scheme: scheme as Address["scheme"],
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port,
  };
}

function noAddress(address: unknown): KubeMQError {
  const hint = typeof address === "string" && address.includes(",") ? "; several servers are a list of strings" : "";
  return invalid(
    `address must be "host:port", "http://host:port" or "https://host:port", got ${JSON.stringify(address)}${hint}`,
  );
}

function invalid(message: string): KubeMQError {
  return refuse({ operation: "client.options" }, message);
}
