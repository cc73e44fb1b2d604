import { create, type Empty, EmptySchema, kubemq, type PingResult } from "../../gen/kubemq_lazy.js";
import type { ServerInfo } from "../api/server.js";

/** Converts between protobuf and public types. Only this room uses generated field names. */

export const pingMethod = kubemq.method.ping;

/** Shared by all pings; never mutated. */
export const pingRequest: Empty = create(EmptySchema);

export function serverInfo(result: PingResult): ServerInfo {
  return {
    host: result.Host,
    version: result.Version,
    startedAt: new Date(Number(result.ServerStartTime) * 1000),
    uptimeSeconds: Number(result.ServerUpTimeSeconds),
  };
}

/** The single request of a server stream. */
export async function* once<T>(request: T): AsyncGenerator<T> {
  yield request;
}
