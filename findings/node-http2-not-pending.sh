#!/usr/bin/env bash
# A node:http2 client (Node.js 24.11.1) says of a request that it has not sent that it has an id and is not pending.
#
# A request above SETTINGS_MAX_CONCURRENT_STREAMS of the server waits in the client until another stream ends. One expects `pending`
# to say so: no frame of it has been written, and it could be sent again on another connection without a risk. But it has an id at
# once, `pending` is false, `sentHeaders` is set, and when the connection is lost, it closes with the same `rstCode` as a request that
# the server has received, and without an error. A client that retries only what was never sent cannot tell them apart then, because
# `state` is empty. Until then only the number of the state differs: 1 is idle, 5 is half-closed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund node@24.11.1 >/dev/null 2>&1
cat >run.mjs <<'JS'
import { once } from "node:events";
import { connect, createServer } from "node:http2";

const received = [];
const server = createServer({ settings: { maxConcurrentStreams: 1 } });
const sockets = new Set();
server.on("connection", (socket) => sockets.add(socket));
server.on("stream", (stream, { ":path": path }) => {
  stream.on("error", () => {});
  received.push(path);
});
await once(server.listen(0), "listening");
const client = connect(`http://localhost:${server.address().port}`);
client.on("error", () => {});
await once(client, "remoteSettings");
const requests = ["/received", "/waiting"].map((path) => client.request({ ":path": path }));
const ended = requests.map(
  (stream) =>
    new Promise((resolve) => {
      let code = "none";
      stream.on("error", (error) => (code = error.code));
      stream.on("close", () => resolve(`error ${code}, rstCode ${stream.rstCode}, state ${JSON.stringify(stream.state)}`));
    }),
);
while (received.length === 0) await new Promise(setImmediate);
await new Promise((resolve) => setTimeout(resolve, 200));
const [of, waiting] = requests.map(
  ({ id, pending, sentHeaders, state }) =>
    `id ${id}, pending ${pending}, headers ${sentHeaders[":path"]}, state ${state.state}`,
);
for (const socket of sockets) socket.destroy();
const [lost, never] = await Promise.all(ended);
console.log(`${process.version}, received by the server: ${received.join(", ")}`);
console.log(`  ${of}\n  ${waiting}`);
console.log(`after the loss:\n  ${lost}\n  ${never}`);
const expected =
  received.join() === "/received" &&
  of === "id 1, pending false, headers /received, state 5" &&
  waiting === "id 3, pending false, headers /waiting, state 1" &&
  lost === never;
process.exit(expected ? 0 : 1);
JS
timeout 60 node_modules/.bin/node run.mjs || { echo "CHANGED: what a request says that waits for a place"; exit 1; }
echo "node:http2 of Node.js 24.11.1 does not tell a request that was never sent from one that the server has received"
