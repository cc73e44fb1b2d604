#!/usr/bin/env bash
# A server of node:http2 (Node.js 24.11.1) counts closed streams under SETTINGS_MAX_CONCURRENT_STREAMS while their bodies are unread.
#
# RFC 9113, section 5.1.2, counts open and half-closed streams. Here both sides have ended every stream, one after another, and the client
# never has more than one open. The handler answers without reading the body to its end, as a proxy does whose upstream is gone: pipe()
# leaves the stream paused. Each such stream keeps its place for as long as the connection lasts. Beyond the limit the server resets every
# further stream with ENHANCE_YOUR_CALM, not with REFUSED_STREAM, so that clients see a connection that lives and refuses every call.
# stream.resume() once the upstream has closed frees the place.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund node@24.11.1 >/dev/null 2>&1
cat >run.mjs <<'JS'
import { once } from "node:events";
import { connect, createServer } from "node:http2";
import { PassThrough } from "node:stream";

async function play(reads) {
  const server = createServer({ settings: { maxConcurrentStreams: 2 } });
  server.on("stream", (stream) => {
    const upstream = new PassThrough();
    stream.pipe(upstream);
    if (reads) upstream.on("close", () => stream.unpipe(upstream).resume());
    upstream.destroy();
    stream.respond({ ":status": 200 });
    stream.end("answer");
  });
  await once(server.listen(0), "listening");
  const client = connect(`http://localhost:${server.address().port}`);
  await once(client, "remoteSettings");
  const outcomes = [];
  for (let call = 0; call < 5; call++) {
    const stream = client.request({ ":method": "POST", ":path": "/" });
    stream.on("error", () => {});
    stream.on("response", ({ ":status": status }) => outcomes.push(status));
    stream.resume().end("body");
    await once(stream, "close").catch(() => {});
    if (stream.rstCode !== 0) outcomes.push(`reset ${stream.rstCode}`);
  }
  client.destroy();
  server.close();
  return outcomes.join(", ");
}

const [unread, read] = [await play(false), await play(true)];
console.log(`${process.version}, bodies unread: ${unread}`);
console.log(`${process.version}, bodies read:   ${read}`);
process.exit(unread === "200, 200, reset 11, reset 11, reset 11" && read === "200, 200, 200, 200, 200" ? 0 : 1);
JS
timeout 60 node_modules/.bin/node run.mjs || { echo "CHANGED: streams with unread bodies"; exit 1; }
echo "node:http2 of Node.js 24.11.1 refuses streams after two closed ones whose bodies were not read"
