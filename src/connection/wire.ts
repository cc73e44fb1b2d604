import { create } from "@bufbuild/protobuf";
import { type Empty, EmptySchema, kubemq, type PingResult } from "../../gen/kubemq_pb.js";
import type { ServerInfo } from "../api/server.js";

/** Protobuf to public types and back: the room where generated field names are. */

export const pingMethod = kubemq.method.ping;

/** Never changed: one for all pings. */
export const pingRequest: Empty = create(EmptySchema);

export function serverInfo(result: PingResult): ServerInfo {
  return {
    host: result.Host,
    version: result.Version,
    startedAt: new Date(Number(result.ServerStartTime) * 1000),
    uptimeSeconds: Number(result.ServerUpTimeSeconds),
  };
}

/** The one request of a server stream. */
export async function* once<T>(request: T): AsyncGenerator<T> {
  yield request;
}
