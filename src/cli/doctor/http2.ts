import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { connect as connectTcp } from "node:net";
import { EXIT } from "../exit.js";
import { failed, milliseconds, ok, reasonOf, type Finding } from "./finding.js";
import { opened } from "./opened.js";
import type { Target } from "./target.js";
import { speaksTls, tlsSocket } from "./tls.js";

/** Opens an HTTP/2 connection, waits for the server's settings, and closes it. */
export async function checkHttp2(target: Target): Promise<Finding> {
  const from = performance.now();
  try {
    const session = await opened(sessionTo(target), "remoteSettings", target.timeoutMs);
    const { maxConcurrentStreams } = session.remoteSettings;
    session.destroy();
    const streams =
      maxConcurrentStreams === undefined || maxConcurrentStreams > 2 ** 31 ? "no limit of" : maxConcurrentStreams;
    return ok("http2", `answered with its settings: ${streams} streams (${milliseconds(performance.now() - from)})`);
  } catch (error) {
    const detail = `no HTTP/2 at ${target.host}:${target.port}: ${reasonOf(error)}`;
    return failed("http2", detail, await adviceFor(target), EXIT.unavailable);
  }
}

async function adviceFor(target: Target): Promise<string> {
  if (target.tls !== undefined) return "the server may require a client certificate: --tls-cert FILE --tls-key FILE";
  if (await speaksTls(target)) return "the port speaks TLS: use https:// or --tls, with --tls-ca for an own authority";
  return "another service may listen there: KubeMQ has gRPC at 50000, and REST at another port";
}

export function sessionTo(target: Target): ClientHttp2Session {
  const { host, port, tls } = target;
  const authority = `${tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const session = connectHttp2(authority, {
    createConnection: () => (tls === undefined ? connectTcp({ host, port }) : tlsSocket(target)),
  });
  return session;
}

/** A gRPC frame with an empty message. */
const EMPTY_MESSAGE = Buffer.alloc(5);

/** The status of a gRPC call with an empty request; undefined when there is none in time. */
export async function grpcStatus(
  session: ClientHttp2Session,
  { timeoutMs, options }: Target,
  method: string,
): Promise<string | undefined> {
  const { authToken } = options;
  const token = typeof authToken === "function" ? await authToken() : authToken;
  const authorization = typeof token === "object" ? token.token : token;
  const stream = session.request({
    ":method": "POST",
    ":path": `/kubemq.kubemq/${method}`,
    "content-type": "application/grpc",
    te: "trailers",
    ...(authorization !== undefined && { authorization }),
  });
  return new Promise((resolve) => {
    const done = (status?: string) => {
      clearTimeout(timer);
      resolve(status);
      stream.close();
    };
    const timer = setTimeout(() => done(), timeoutMs);
    const statusOf = (headers: object) => ("grpc-status" in headers ? String(headers["grpc-status"]) : undefined);
    // A server that ends a call at once sends its status in the headers.
    stream.on("response", (headers) => statusOf(headers) !== undefined && done(statusOf(headers)));
    // An answer: the server has the method, and the stream may stay open.
    stream.on("data", () => done("0"));
    stream.on("trailers", (headers) => done(statusOf(headers)));
    stream.on("error", () => done());
    stream.on("close", () => done());
    stream.end(EMPTY_MESSAGE);
  });
}
