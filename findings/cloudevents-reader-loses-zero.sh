#!/usr/bin/env bash
# A JSON CloudEvent whose data is 0 is read by cloudevents 10.0.0 (npm) as undefined in structured mode and as "0" in binary mode.
#
# The data of a JSON event may be any JSON value, such as a counter that is 0 or a flag that is false. One expects the same value in both
# modes, as with objects. In structured mode the package drops 0, false and "" without an error, so that "off" and "no data" are the same
# event, although 1 and true arrive. In binary mode it returns numbers and booleans as strings, so that "false" is true in a
# condition. The sender chooses the mode, so a receiver meets both. An object around the value is read as it was sent.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund cloudevents@10.0.0 >/dev/null 2>&1
cat >run.mjs <<'JS'
import { HTTP } from "cloudevents";

const attributes = { specversion: "1.0", id: "1", source: "/a", type: "t" };
const inHeaders = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]));
const json = "application/json";
const rows = [0, false, "", 1, true, "x", { on: false }].map((data) => {
  const structured = HTTP.toEvent({
    headers: { "content-type": "application/cloudevents+json" },
    body: JSON.stringify({ ...attributes, datacontenttype: json, data }),
  });
  const binary = HTTP.toEvent({ headers: { ...inHeaders, "content-type": json }, body: JSON.stringify(data) });
  const row = [data, structured.data, binary.data].map((value) => JSON.stringify(value) ?? "undefined");
  console.log(`data ${row[0]}: structured ${row[1]}, binary ${row[2]}`);
  return row.join(" ");
});
const expected = [
  '0 undefined "0"', 'false undefined "false"', '"" undefined ""',
  '1 1 "1"', 'true true "true"', '"x" "x" "x"', '{"on":false} {"on":false} {"on":false}',
];
process.exit(rows.join("\n") === expected.join("\n") ? 0 : 1);
JS
node run.mjs || { echo "CHANGED: how data that is a number or a boolean is read"; exit 1; }
echo "cloudevents 10.0.0 reads data that is 0 as undefined or as a string"
