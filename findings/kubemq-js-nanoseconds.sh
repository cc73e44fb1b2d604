#!/usr/bin/env bash
# kubemq-js 1.2.3 reads nanosecond timestamps of a server as JavaScript numbers, and changes them.
#
# A server states when it stored an event in nanoseconds since 1970, about 1.8e18: above 2^53, so not every value has a number.
# The generated getters return numbers; two events 100 ns apart get the same timestamp, and neither is the one that was sent.
# A program that compares or stores these timestamps for a later start position uses a wrong one.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund kubemq-js@1.2.3 @grpc/grpc-js@1.14.7 protobufjs@8.8.1 >/dev/null 2>&1
cat >run.cjs <<'JS'
const grpc = require("@grpc/grpc-js");
const protobuf = require("protobufjs");
const { EventsStoreClient, EventStoreType } = require("kubemq-js");

const { root } = protobuf.parse(`syntax = "proto3"; message EventReceive {
  string EventID = 1; string Channel = 2; string Metadata = 3; bytes Body = 4; int64 Timestamp = 5; uint64 Sequence = 6; }`);
const EventReceive = root.lookupType("EventReceive");
const sent = ["1796083200123456701", "1796083200123456801"];

const definition = {
  SubscribeToEvents: {
    path: "/kubemq.kubemq/SubscribeToEvents",
    requestStream: false,
    responseStream: true,
    requestDeserialize: (bytes) => bytes,
    responseSerialize: (event) => Buffer.from(EventReceive.encode(EventReceive.fromObject(event)).finish()),
  },
};
const server = new grpc.Server();
server.addService(definition, {
  SubscribeToEvents(call) {
    sent.forEach((Timestamp, at) => call.write({ EventID: String(at), Channel: "orders", Timestamp, Sequence: at + 1 }));
  },
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), async (error, port) => {
  if (error) throw error;
  const client = new EventsStoreClient({ address: `127.0.0.1:${port}`, clientId: "reader" });
  const got = [];
  await client.subscribe({ channel: "orders", requestType: EventStoreType.StartFromFirst, requestTypeValue: 0 }, (failure, event) => {
    if (failure !== null && failure !== undefined) return;
    got.push(event.timestamp);
    if (got.length < sent.length) return;
    for (const at of [0, 1]) console.log(`sent ${sent[at]}, received ${typeof got[at]} ${BigInt(got[at])}`);
    process.exit(got[0] === got[1] && String(BigInt(got[0])) !== sent[0] ? 0 : 1);
  });
});
JS
node run.cjs || { echo "CHANGED: kubemq-js 1.2.3 keeps nanoseconds"; exit 1; }
echo "kubemq-js 1.2.3: timestamps 100 ns apart are read as the same number"
