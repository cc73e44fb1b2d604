import { Code } from "@connectrpc/connect";
import type { IncomingHttpHeaders } from "node:http2";
import { kubemq } from "../../../gen/kubemq_pb.js";
import { texts } from "./errors.js";
import type { Outcome } from "./reply.js";

const rpcs: ReadonlyMap<string, string> = new Map(
  kubemq.methods.map(({ name }) => [`/${kubemq.typeName}/${name}`, name]),
);

/** The name of the RPC for a path, if it belongs to the service. */
export const rpcOf = (path: string): string | undefined => rpcs.get(path);

/** Why a request is no gRPC call, if it is none. */
export function noCall(
  method: string,
  contentType: string | undefined,
): { readonly status: number; readonly outcome: Outcome } | undefined {
  if (!/^application\/grpc(?:[+;]|$)/.test(contentType ?? "")) {
    const message = `invalid gRPC request content-type "${contentType ?? ""}"`;
    return { status: 415, outcome: { code: Code.InvalidArgument, message } };
  }
  if (method === "POST") return undefined;
  const message = `http2Server.operateHeaders parsed a :method field: ${method} which should be POST`;
  return { status: 405, outcome: { code: Code.Internal, message } };
}

/** The server's answer to an unknown path. */
export function unknownPath(path: string): Outcome {
  const [, service = "", method = ""] = path.split("/");
  const message =
    service === kubemq.typeName ? `unknown method ${method} for service ${service}` : `unknown service ${service}`;
  return { code: Code.Unimplemented, message };
}

/** The reason to refuse a call before its first message, if there is one. */
export function refusal(rpc: string, headers: IncomingHttpHeaders, token: string | undefined): Outcome | undefined {
  const encoding = headers["grpc-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    const message = `grpc: Decompressor is not installed for grpc-encoding "${String(encoding)}"`;
    return { code: Code.Unimplemented, message };
  }
  if (token === undefined || rpc === "Ping" || headers.authorization === token) return undefined;
  const reason = headers.authorization === undefined ? "no token was sent" : "the token is not valid";
  return { code: Code.Unauthenticated, message: texts.authentication + reason };
}
