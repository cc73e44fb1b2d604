#!/usr/bin/env bash
# When the server goes away, a call of @connectrpc/connect-node 2.1.2 fails with the code for "cancelled by the caller".
#
# gRPC clients expect UNAVAILABLE for a lost connection, and do not retry CANCELLED, because the caller asked for it. Here nobody
# aborts anything: the server closes its connection while a unary call waits, and the error says `canceled`. A retry policy or a
# log filter that goes by the code treats a crashed server as a decision of the program. @grpc/grpc-js 1.14.7, beside it on the
# same server, says UNAVAILABLE.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @connectrpc/connect@2.1.2 @connectrpc/connect-node@2.1.2 @bufbuild/protobuf@2.17.0 @grpc/grpc-js@1.14.7 >/dev/null 2>&1
cat >run.mjs <<'JS'
import { createServer } from "node:http2";
import { EmptySchema, file_google_protobuf_empty } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import grpc from "@grpc/grpc-js";

const sockets = new Set();
const server = createServer().on("connection", (socket) => sockets.add(socket));
server.on("stream", (stream) => {
  stream.on("error", () => {});
  setTimeout(() => sockets.forEach((socket) => socket.end()), 100); // no GOAWAY: as when a process ends
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `127.0.0.1:${server.address().port}`;

const transport = createGrpcTransport({ baseUrl: `http://${address}` });
const method = {
  kind: "rpc", name: "Ping", localName: "ping", methodKind: "unary", input: EmptySchema, output: EmptySchema,
  parent: { typeName: "test.Service", file: file_google_protobuf_empty },
};
const connect = await transport.unary(method, undefined, 5_000, undefined, {}).then(
  () => "ok",
  (error) => Code[ConnectError.from(error).code],
);
const client = new grpc.Client(address, grpc.credentials.createInsecure());
const js = await new Promise((resolve) =>
  client.makeUnaryRequest("/test.Service/Ping", () => Buffer.alloc(0), (bytes) => bytes, {}, { deadline: Date.now() + 5_000 }, (error) =>
    resolve(error ? grpc.status[error.code] : "OK"),
  ),
);
console.log(`@connectrpc/connect-node: ${connect}`);
console.log(`@grpc/grpc-js:            ${js}`);
process.exit(connect === "Canceled" && js === "UNAVAILABLE" ? 0 : 1);
JS
node run.mjs || { echo "CHANGED: the code of a lost connection"; exit 1; }
echo "@connectrpc/connect-node 2.1.2 reports a server that went away as Canceled"
