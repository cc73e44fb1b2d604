#!/usr/bin/env bash
# @grpc/grpc-js 1.14.7 shows the error messages of a @connectrpc/connect-node 2.1.2 server with %3A and %2F in them.
#
# Both speak gRPC, and both percent-encode grpc-message, so one expects the message that the server wrote. The protocol encodes only
# what is not printable ASCII, and the percent sign. Connect encodes with encodeURIComponent, which escapes ":", "/", "#" and others too;
# grpc-js decodes with decodeURI, which leaves exactly these as they are. Spaces and the euro sign arrive, so nobody suspects
# the encoding. Messages with addresses, channel names or times are garbled, and a program that searches them for "orders/eu"
# finds nothing. The other three pairs of client and server show the message as it was written.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @connectrpc/connect@2.1.2 @connectrpc/connect-node@2.1.2 @bufbuild/protobuf@2.17.0 @grpc/grpc-js@1.14.7 >/dev/null 2>&1
cat >run.mjs <<'JS'
import { createServer } from "node:http2";
import { once } from "node:events";
import { EmptySchema, file_google_protobuf_empty } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter, createGrpcTransport } from "@connectrpc/connect-node";
import grpc from "@grpc/grpc-js";

const message = "queue orders/eu: 3 of 3 places taken, next at 12:30 (#7), 5 €";
const send = {
  kind: "rpc", name: "Send", localName: "send", methodKind: "unary", input: EmptySchema, output: EmptySchema,
  parent: { typeName: "test.Service", file: file_google_protobuf_empty },
};
const refuse = () => {
  throw new ConnectError(message, Code.ResourceExhausted);
};
const connectServer = createServer(connectNodeAdapter({ routes: (router) => router.rpc(send, refuse) }));
await once(connectServer.listen(0, "127.0.0.1"), "listening");

const same = (value) => value;
const path = "/test.Service/Send";
const definition = {
  path, requestStream: false, responseStream: false,
  requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same,
};
const jsServer = new grpc.Server();
jsServer.addService({ send: definition }, {
  send: (_, answer) => answer({ code: grpc.status.RESOURCE_EXHAUSTED, details: message }),
});
const jsPort = await new Promise((resolve) =>
  jsServer.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_, port) => resolve(port)),
);

const byGrpcJs = (port) =>
  new Promise((resolve) => {
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    client.makeUnaryRequest(path, same, same, Buffer.alloc(0), (error) => resolve(error.details));
  });
const byConnect = (port) =>
  createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` })
    .unary(send, undefined, undefined, undefined, {})
    .then(() => "no error", (error) => error.rawMessage);

const connectPort = connectServer.address().port;
const shown = {
  "Connect to Connect": await byConnect(connectPort),
  "grpc-js to grpc-js": await byGrpcJs(jsPort),
  "grpc-js to Connect": await byConnect(jsPort),
  "Connect to grpc-js": await byGrpcJs(connectPort),
};
for (const [pair, text] of Object.entries(shown)) console.log(`${pair}: ${text}`);
const { "Connect to grpc-js": garbled, ...others } = shown;
const expected = "queue orders%2Feu%3A 3 of 3 places taken%2C next at 12%3A30 (%237)%2C 5 €";
process.exit(garbled === expected && Object.values(others).every((text) => text === message) ? 0 : 1);
JS
timeout 60 node run.mjs || { echo "CHANGED: the error messages of a Connect server in grpc-js"; exit 1; }
echo "@grpc/grpc-js 1.14.7 leaves percent signs in the messages of a @connectrpc/connect-node 2.1.2 server"
