#!/usr/bin/env bash
# Node.js 24.11.1: V8 moves nearly every ended request of a grpc-js or node:http2 client to the old generation.
#
# One expects that a unary call that has ended dies young: everything of it is garbage when its answer has been read, and the
# objects of an HTTP/1 request do die in the young generation. A stream of node:http2 survives the young collections
# after its "close", with all that its listeners and its properties refer to: kilobytes for each gRPC call, among them the
# decoded answer, are copied twice and wait for a full collection. A client that can should let go of what it
# has attached to the stream at "close", because the stream itself stays.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund node@24.11.1 @grpc/grpc-js@1.14.7 >/dev/null 2>&1
cat >server.mjs <<'JS'
import grpc from "@grpc/grpc-js";
import { createServer } from "node:http";
import { createServer as createServer2 } from "node:http2";
import { once } from "node:events";

const bytes = { serialize: (value) => value, deserialize: (value) => value };
const method = { path: "/test/Call", requestStream: false, responseStream: false };
export const definition = {
  call: {
    ...method,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  },
};
if (process.send !== undefined) {
  const http1 = createServer((request, response) => request.resume() && response.end("x"));
  const http2 = createServer2().on("stream", (stream) => (stream.respond(), stream.end("x")));
  for (const server of [http1, http2]) await once(server.listen(0, "127.0.0.1"), "listening");
  const rpc = new grpc.Server();
  rpc.addService(definition, { call: (_, answer) => answer(null, Buffer.from("x")) });
  const port = await new Promise((resolve) =>
    rpc.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_, port) => resolve(port)),
  );
  process.send({ "node:http": http1.address().port, "node:http2": http2.address().port, "grpc-js": port });
  process.once("disconnect", () => process.exit());
}
JS
cat >client.mjs <<'JS'
import grpc from "@grpc/grpc-js";
import { Agent, get } from "node:http";
import { connect } from "node:http2";
import { once } from "node:events";
import { definition } from "./server.mjs";

const [kind, port, count] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const callers = {
  "node:http": () => async () => {
    const request = get({ host: "127.0.0.1", port, agent });
    const [response] = await once(request, "response");
    response.resume();
    await once(request, "close");
  },
  "node:http2": () => {
    const session = connect(`http://127.0.0.1:${port}`);
    return async () => {
      const stream = session.request();
      stream.resume();
      await once(stream, "close");
    };
  },
  "grpc-js": () => {
    const Client = grpc.makeGenericClientConstructor(definition, "Test");
    const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    return () => new Promise((resolve) => client.call(Buffer.from("x"), resolve));
  },
};
const call = callers[kind]();
for (let i = 0; i < count; i++) await call();
process.exit();
JS
cat >run.mjs <<'JS'
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";

const count = 20_000;
const server = fork("server.mjs");
const [ports] = await once(server, "message");
const promoted = {};
for (const [kind, port] of Object.entries(ports)) {
  const flags = ["--trace-gc-nvp", "--single-threaded-gc"];
  const log = execFileSync(process.execPath, [...flags, "client.mjs", kind, port, count], { encoding: "utf8", maxBuffer: 1e9 });
  const young = log.split("\n").filter((line) => / gc=s /.test(line));
  promoted[kind] = young.reduce((sum, line) => sum + Number(/ promoted=(\d+)/.exec(line)[1]), 0) / count;
  console.log(`${kind}: ${Math.round(promoted[kind])} bytes promoted for each request, ${young.length} young collections`);
}
server.disconnect();
process.exit(promoted["node:http"] < 300 && promoted["node:http2"] > 1_000 && promoted["grpc-js"] > 2_000 ? 0 : 1);
JS
timeout 120 node_modules/.bin/node run.mjs || { echo "CHANGED: what survives of an ended request"; exit 1; }
echo "Node.js 24.11.1 keeps ended HTTP/2 requests through young collections, and grpc-js with them"
