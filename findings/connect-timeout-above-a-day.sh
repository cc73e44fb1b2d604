#!/usr/bin/env bash
# A call of @connectrpc/connect-node 2.1.2 with a timeout above 27.7 hours sends a grpc-timeout that gRPC does not allow.
#
# A gRPC timeout has at most eight digits and a unit, so clients turn to seconds for long ones, as grpc-js does. Connect always writes
# milliseconds: 28 hours become "100800000m", nine digits. One expects that so long a timeout changes nothing for a call that ends
# at once. But Connect's own server refuses it as invalid, and a KubeMQ server (community v2.4.0, grpc-go) with HTTP 400. A server
# of @grpc/grpc-js 1.14.7 reads the last eight digits, 800 seconds, and ends a subscription of 28 hours after 13 minutes. A timeout
# of a day works everywhere, so this shows when somebody raises it.
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
import { connectNodeAdapter, createGrpcTransport } from "@connectrpc/connect-node";
import grpc from "@grpc/grpc-js";

const ping = {
  kind: "rpc", name: "Ping", localName: "ping", methodKind: "unary", input: EmptySchema, output: EmptySchema,
  parent: { typeName: "test.Service", file: file_google_protobuf_empty },
};
const hour = 3_600_000;
const headers = [];
const connectServer = createServer(connectNodeAdapter({ routes: (router) => router.rpc(ping, () => ({})) }));
connectServer.on("stream", (_, { "grpc-timeout": timeout }) => headers.push(timeout));
await once(connectServer.listen(0, "127.0.0.1"), "listening");

const same = (value) => value;
const definition = {
  path: "/test.Service/Ping", requestStream: false, responseStream: false,
  requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same,
};
const hours = [];
const jsServer = new grpc.Server();
jsServer.addService({ ping: definition }, {
  ping: (call, answer) => {
    hours.push(((call.getDeadline() - Date.now()) / hour).toFixed(1));
    answer(null, Buffer.alloc(0));
  },
});
const jsPort = await new Promise((resolve) =>
  jsServer.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_, port) => resolve(port)),
);

const callFor = (port, timeout) =>
  createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` })
    .unary(ping, undefined, timeout, undefined, {})
    .then(() => "answered", (error) => error.message);
const ofConnect = [];
for (const timeout of [27 * hour, 28 * hour]) {
  ofConnect.push(await callFor(connectServer.address().port, timeout));
  await callFor(jsPort, timeout);
}
for (const at of [0, 1]) {
  console.log(`a timeout of ${27 + at} hours: grpc-timeout ${headers[at]}`);
  console.log(`  Connect's server: ${ofConnect[at]}`);
  console.log(`  grpc-js server:   ${hours[at]} hours left`);
}
const expected =
  headers.join() === "97200000m,100800000m" &&
  ofConnect[0] === "answered" &&
  ofConnect[1] === "[invalid_argument] protocol error: invalid grpc timeout value: 100800000m" &&
  hours.join() === "27.0,0.2";
process.exit(expected ? 0 : 1);
JS
timeout 60 node run.mjs || { echo "CHANGED: how a timeout above 27.7 hours travels"; exit 1; }
echo "@connectrpc/connect-node 2.1.2 writes a timeout of 28 hours with nine digits"
