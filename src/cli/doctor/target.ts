import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { KubeMQClient, type ClientOptions, type TlsOptions } from "../../index.js";

/** The server that is examined. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Undefined for plain text. */
  readonly tls: ConnectionOptions | undefined;
  readonly timeoutMs: number;
  readonly options: ClientOptions;
}

/** One target for each address, checked by the client itself. */
export async function targetsOf(options: ClientOptions): Promise<Target[]> {
  const { address = "localhost:50000" } = options;
  const addresses = typeof address === "string" ? [address] : address;
  return Promise.all(
    addresses.map(async (address) => {
      const single = { ...options, address, reconnect: false } as const;
      await using client = new KubeMQClient(single);
      const at = client.server.lastIndexOf(":");
      const host = client.server.slice(0, at).replaceAll(/^\[|\]$/g, "");
      const secure = address.startsWith("https://") || (options.tls !== undefined && options.tls !== false);
      return {
        host,
        port: Number(client.server.slice(at + 1)),
        tls: secure ? tlsOf(typeof options.tls === "object" ? options.tls : {}) : undefined,
        timeoutMs: Math.min(options.timeoutMs ?? 5_000, 5_000),
        options: single,
      };
    }),
  );
}

function tlsOf({ ca, cert, key, passphrase, serverName, rejectUnauthorized }: TlsOptions): ConnectionOptions {
  return {
    ...(ca !== undefined && { ca: pem(ca) }),
    ...(cert !== undefined && { cert: pem(cert) }),
    ...(key !== undefined && { key: pem(key) }),
    ...(passphrase !== undefined && { passphrase }),
    ...(serverName !== undefined && { servername: serverName }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
}

function pem(value: string | Uint8Array): string | Buffer {
  if (typeof value !== "string") return Buffer.from(value);
  return value.includes("-----BEGIN") ? value : readFileSync(value);
}
