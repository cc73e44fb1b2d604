#!/usr/bin/env bash
# kubemq-js 1.2.3 cannot send a message that has tags.
#
# `tags` is declared as Map<string, string>. The client passes the whole Map as the KEY of one entry of the protobuf map, and the
# serializer refuses it: the call rejects with status 13 before anything is sent. The same message without tags is delivered.
# So channels written by this client never carry tags.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund kubemq-js@1.2.3 @grpc/grpc-js@1.14.7 >/dev/null 2>&1
cat >run.cjs <<'JS'
const grpc = require("@grpc/grpc-js");
const { EventsClient } = require("kubemq-js");
const messages = require("kubemq-js/lib/protos");

// A stub of one method of the service, with the client's own message classes.
const definition = {
  SendEvent: {
    path: "/kubemq.kubemq/SendEvent",
    requestStream: false,
    responseStream: false,
    requestDeserialize: (bytes) => messages.Event.deserializeBinary(bytes),
    responseSerialize: (result) => Buffer.from(result.serializeBinary()),
  },
};
const server = new grpc.Server();
let seen;
server.addService(definition, {
  SendEvent(call, reply) {
    seen = call.request.getTagsMap().toObject();
    const result = new messages.Result();
    result.setEventid(call.request.getEventid());
    result.setSent(true);
    reply(null, result);
  },
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), async (error, port) => {
  if (error) throw error;
  const client = new EventsClient({ address: `127.0.0.1:${port}`, clientId: "sender" });
  const event = { channel: "orders", body: Buffer.from("two chairs"), metadata: "" };
  const plain = await client.send(event);
  const tagged = await client.send({ ...event, tags: new Map([["country", "pt"]]) }).then(
    () => `received tags ${JSON.stringify(seen)}`,
    (error) => `rejected with status ${error.code}: ${error.details}`,
  );
  client.close();
  server.forceShutdown();
  console.log(`without tags: sent ${plain.sent}`);
  console.log(`with tags:    ${tagged}`);
  process.exit(plain.sent && /status 13: Request message serialization failure/.test(tagged) ? 0 : 1);
});
JS
node run.cjs || { echo "CHANGED: kubemq-js 1.2.3 sends tags"; exit 1; }
echo "kubemq-js 1.2.3: a message with tags is refused by the client's own serializer"
