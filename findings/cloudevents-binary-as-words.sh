#!/usr/bin/env bash
# Binary data in a structured CloudEvent comes out of cloudevents 10.0.0 (npm) as a Uint32Array: one word of four bytes for each byte.
#
# The same event in binary mode has its data as a Uint8Array. From data_base64 the package makes a Uint32Array with the value of a byte
# in each element, so that byteLength is four times as large, and data.buffer, new DataView(data.buffer) or a write to a file have three
# zero bytes behind each byte. Code that works in binary mode corrupts bodies when a sender changes to structured mode, and no error
# or type says so: the sender of an event chooses the mode.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund cloudevents@10.0.0 >/dev/null 2>&1
cat >run.mjs <<'JS'
import { writeFileSync, readFileSync } from "node:fs";
import { CloudEvent, HTTP } from "cloudevents";

const data = Uint8Array.of(0, 255, 128);
const event = new CloudEvent({ id: "1", source: "/a", type: "t", datacontenttype: "application/octet-stream", data });
const written = (received) => {
  writeFileSync("body", received.data);
  return `${received.data.constructor.name}, as a file ${readFileSync("body").toString("hex")}`;
};
const binary = written(HTTP.toEvent(HTTP.binary(event)));
const message = HTTP.structured(event);
const { data_base64: base64 } = JSON.parse(message.body);
const structured = written(HTTP.toEvent(message));
console.log(`on the wire: ${Buffer.from(base64, "base64").toString("hex")}`);
console.log(`binary:      ${binary}`);
console.log(`structured:  ${structured}`);
const expected = ["Uint8Array, as a file 00ff80", "Uint32Array, as a file 00000000ff00000080000000"];
process.exit(base64 === "AP+A" && binary === expected[0] && structured === expected[1] ? 0 : 1);
JS
node run.mjs || { echo "CHANGED: the type of binary data"; exit 1; }
echo "cloudevents 10.0.0 reads data_base64 into a Uint32Array"
