#!/usr/bin/env bash
# Leaving a `for await` loop over a server stream of @connectrpc/connect-node 2.1.2 with `break` does not end the call.
#
# An iterator that holds a resource is expected to release it in return(), which `break` calls. The response iterable of a Connect
# server stream over gRPC has no effect there: the HTTP/2 stream stays open, the server goes on sending and is told nothing. Only
# an AbortSignal ends the call. A subscriber that breaks out of its loop therefore keeps its subscription.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @connectrpc/connect@2.1.2 @connectrpc/connect-node@2.1.2 @bufbuild/protobuf@2.17.0 >/dev/null 2>&1
cat >run.mjs <<'JS'
import { createServer } from "node:http2";
import { EmptySchema, file_google_protobuf_empty, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { createGrpcTransport } from "@connectrpc/connect-node";

let resets = 0;
let sending;
const server = createServer().on("stream", (stream) => {
  stream.on("error", () => {}).on("close", () => {
    resets += 1;
    clearInterval(sending);
  });
  stream.respond({ ":status": 200, "content-type": "application/grpc" });
  sending = setInterval(() => stream.write(Buffer.from([0, 0, 0, 0, 4, 0x0a, 2, 0x68, 0x69])), 10); // StringValue "hi"
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.address().port}` });
const method = {
  kind: "rpc", name: "Listen", localName: "listen", methodKind: "server_streaming", input: EmptySchema, output: StringValueSchema,
  parent: { typeName: "test.Service", file: file_google_protobuf_empty },
};
async function* request() {
  yield {};
}
const outcome = async (leave) => {
  const controller = new AbortController();
  const response = await transport.stream(method, controller.signal, 0, undefined, request());
  const before = resets;
  try {
    for await (const message of response.message) {
      if (message.value !== "hi") throw new Error("not the message that was sent");
      if (leave === "abort") controller.abort();
      else break;
    }
  } catch {}
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const ended = resets > before;
  controller.abort();
  return ended;
};
const byAbort = await outcome("abort");
const byBreak = await outcome("break");
console.log(`left by abort: call ended ${byAbort}`);
console.log(`left by break: call ended ${byBreak}`);
process.exit(byAbort && !byBreak ? 0 : 1);
JS
node run.mjs || { echo "CHANGED: break ends a server stream of @connectrpc/connect-node 2.1.2"; exit 1; }
echo "@connectrpc/connect-node 2.1.2: one second after break the call is still open"
