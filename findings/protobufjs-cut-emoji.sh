#!/usr/bin/env bash
# protobufjs 8.8.1 writes half an emoji as three bytes that are not UTF-8, and neither it nor protobuf-es 2.17.0 reads them back.
#
# A string cut between the two halves of a surrogate pair ("ok" and the first half of an emoji) is a valid JavaScript string.
# protobufjs encodes the lone half as ED A0 BD, which UTF-8 forbids. A Go server with gogo-generated code, such as KubeMQ,
# stores and delivers the bytes unchanged. Both libraries throw when they decode such a string and give none of the other fields, so one
# message of a sender that cut its text ends a subscription, also one that uses the library that wrote it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund protobufjs@8.8.1 @bufbuild/protobuf@2.17.0 >/dev/null 2>&1
cat >run.mjs <<'JS'
import { fromBinary } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import protobuf from "protobufjs";

const { root } = protobuf.parse(`syntax = "proto3"; message Text { string value = 1; }`);
const Text = root.lookupType("Text"); // the same shape on the wire as google.protobuf.StringValue
const cut = "ok 👍".slice(0, 4);
const bytes = Text.encode(Text.create({ value: cut })).finish();
const hex = Buffer.from(bytes).toString("hex").replaceAll(/(..)/g, "$1 ").trim();
const reading = (decode) => {
  try {
    return `reads ${JSON.stringify(decode())}`;
  } catch (error) {
    return `throws: ${error.message}`;
  }
};
const es = reading(() => fromBinary(StringValueSchema, bytes).value);
const js = reading(() => Text.decode(bytes).value);
console.log(`protobufjs writes ${hex}`);
console.log(`protobuf-es ${es}`);
console.log(`protobufjs  ${js}`);
process.exit(hex.endsWith("ed a0 bd") && es.startsWith("throws") && js.startsWith("throws") ? 0 : 1);
JS
node run.mjs || { echo "CHANGED: protobufjs 8.8.1 or protobuf-es 2.17.0 treats a lone surrogate differently"; exit 1; }
echo "protobufjs 8.8.1 writes a lone surrogate as ED A0 BD; neither it nor protobuf-es 2.17.0 reads such a message"
