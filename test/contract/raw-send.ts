import { toBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { once } from "node:events";
import { connect } from "node:http2";
import { envelope } from "../support/raw-grpc-server.js";

/** A character whose three bytes {@link sendInvalid} replaces by three that are not UTF-8, as protobufjs writes half an emoji. */
export const CUT = "\u0800";
/** {@link CUT} as a client of JavaScript reads it. */
export const CUT_AS_READ = "\uFFFD\uFFFD\uFFFD";

/** Calls a unary RPC with a message whose text is not UTF-8, without this project's client. */
export async function sendInvalid<Desc extends DescMessage>(
  address: string,
  rpc: string,
  schema: Desc,
  message: MessageShape<Desc>,
): Promise<void> {
  const bytes = Buffer.from(toBinary(schema, message)).toString("latin1").replaceAll("\xe0\xa0\x80", "\xed\xa0\x80");
  const session = connect(`http://${address}`);
  try {
    const call = session.request({
      ":method": "POST",
      ":path": `/kubemq.kubemq/${rpc}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    let status: unknown;
    call.on("response", (headers) => (status = headers["grpc-status"]));
    call.on("trailers", (trailers) => (status = trailers["grpc-status"]));
    call.end(envelope(Buffer.from(bytes, "latin1")));
    call.resume();
    await once(call, "close");
    if (status !== "0") throw new Error(`${rpc} ended with gRPC status ${String(status)}`);
  } finally {
    session.destroy();
  }
}
