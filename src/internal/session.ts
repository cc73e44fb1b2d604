import { Http2SessionManager } from "@connectrpc/connect-node";
import type { SecureClientSessionOptions } from "node:http2";
import { pem, type ResolvedOptions } from "../options.js";

/**
 * The HTTP/2 connection of a client: one, made at the first call and again when it is lost. HTTP/2 PINGs stay off, since
 * servers close the connection of a client that sends them often.
 */
export function createSession(options: ResolvedOptions): Http2SessionManager {
  return new Http2SessionManager(options.origin, {}, sessionOptions(options));
}

function sessionOptions(options: ResolvedOptions): SecureClientSessionOptions {
  const settings = { settings: { initialWindowSize: options.flowControl.streamBytes, enablePush: false } };
  const { tls } = options;
  if (tls === undefined) return settings;
  // Getters, since node:http2 reads the options for each connection: certificates given as paths are read anew.
  return {
    ...settings,
    get ca() {
      return pemOf(tls().ca);
    },
    get cert() {
      return pemOf(tls().cert);
    },
    get key() {
      return pemOf(tls().key);
    },
    ...optional("servername", tls().serverName),
    ...optional("rejectUnauthorized", tls().rejectUnauthorized),
  };
}

function pemOf(value: string | Uint8Array | undefined): string | Buffer | undefined {
  return value === undefined ? undefined : pem(value);
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
