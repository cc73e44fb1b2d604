#!/usr/bin/env bash
# In Deno 2.9.6, a stream of a node:http2 client emits "data" before "response" when both frames arrive together.
#
# HTTP/2 sends HEADERS before DATA, and Node.js emits "response" before the first "data". A gRPC client relies on it: it checks
# the status and content-type first, and then splits the data into messages. In Deno the data comes first, so a client that does so
# takes the page of a proxy for a message, or fails on data of a response that it does not know yet. A server that sends its
# headers early hides it: the order is right when the headers arrive alone.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @deno/linux-x64-glibc@2.9.6 >/dev/null 2>&1
cat >run.mjs <<'JS'
import { connect, createServer } from "node:http2";
import { once } from "node:events";

const server = createServer().on("stream", (stream, headers) => {
  stream.respond({ ":status": 200, "content-type": "application/grpc" });
  const early = headers[":path"] === "/headers-early";
  setTimeout(() => stream.end(Buffer.from([0, 0, 0, 0, 0])), early ? 200 : 0); // an empty gRPC message
  if (!early) stream.write(Buffer.from([0, 0, 0, 0, 0]));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const session = connect(`http://127.0.0.1:${server.address().port}`);
for (const path of ["/together", "/headers-early"]) {
  const orders = new Set();
  for (let call = 0; call < 5; call += 1) {
    const stream = session.request({ ":method": "POST", ":path": path });
    const order = [];
    stream.once("response", () => order.push("response"));
    stream.once("data", () => order.push("data"));
    stream.on("data", () => {}).end();
    await once(stream, "close");
    orders.add(order.join(", "));
  }
  console.log(`${path}: ${[...orders].join(" or ")}`);
}
process.exit(0);
JS
chmod +x node_modules/@deno/linux-x64-glibc/deno
node_modules/@deno/linux-x64-glibc/deno --version | head -1
node run.mjs | sed "s/^/node /" | tee node.txt
node_modules/@deno/linux-x64-glibc/deno run --allow-all run.mjs | sed "s/^/deno /" | tee deno.txt
printf 'node /together: response, data\nnode /headers-early: response, data\n' | diff - node.txt
printf 'deno /together: data, response\ndeno /headers-early: response, data\n' | diff - deno.txt ||
  { echo "CHANGED: the order of events in Deno 2.9.6"; exit 1; }
