#!/usr/bin/env bash
# A subscription of kubemq-js 1.2.3 whose stream has ended never subscribes again, and its state does not change.
#
# The client has a reconnectInterval (one second by default), and a subscription has onState with "connecting", "connected" and
# "disconnected". One expects a new subscription after a restart of the server. The loop for it waits until onState emits "close", and
# nothing in the client emits that. After an end with UNAVAILABLE the callback receives one error, after an end without an error
# nothing. In both cases no further event arrives, while calls to the same server succeed, and onState is silent. A program
# that emits "close" itself has its subscription back.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund kubemq-js@1.2.3 @grpc/grpc-js@1.14.7 >/dev/null 2>&1
cat >run.cjs <<'JS'
const grpc = require("@grpc/grpc-js");
const { EventsClient } = require("kubemq-js");

const pass = (value) => value;
const none = { requestDeserialize: pass, requestSerialize: pass, responseDeserialize: pass, responseSerialize: pass };
const definition = {
  SubscribeToEvents: { path: "/kubemq.kubemq/SubscribeToEvents", requestStream: false, responseStream: true, ...none },
  Ping: { path: "/kubemq.kubemq/Ping", requestStream: false, responseStream: false, ...none },
};
const subscriptions = [];
const server = new grpc.Server();
server.addService(definition, {
  SubscribeToEvents: (call) => subscriptions.push(call),
  Ping: (_, answer) => answer(null, Buffer.alloc(0)),
});
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const until = async (condition) => {
  for (let waited = 0; waited < 20_000 && !condition(); waited += 20) await pause(20);
  if (!condition()) throw new Error("waited 20 s in vain");
};

const play = async (port, end) => {
  subscriptions.length = 0;
  const client = new EventsClient({ address: `127.0.0.1:${port}`, clientId: "reader", reconnectInterval: 100 });
  const errors = [];
  const states = [];
  const { onState } = await client.subscribe({ channel: "orders" }, (error) => error && errors.push(grpc.status[error.code]));
  onState.on((state) => states.push(state));
  await until(() => subscriptions.length === 1);
  end(subscriptions[0]);
  await pause(5_000);
  await client.ping();
  const row = `subscriptions ${subscriptions.length}, errors ${errors.join() || "none"}, states ${states.join() || "none"}`;
  onState.emit("close");
  await until(() => subscriptions.length === 2);
  return row;
};
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), async (error, port) => {
  if (error) throw error;
  const ended = await play(port, (call) => call.end());
  const lost = await play(port, (call) => call.emit("error", { code: grpc.status.UNAVAILABLE, details: "shutting down" }));
  console.log(`5 s after an end:             ${ended}`);
  console.log(`5 s after an end by an error: ${lost}`);
  console.log(`after a "close" that the program itself emits: subscribed again, both times`);
  const expected = (errors) => `subscriptions 1, errors ${errors}, states none`;
  process.exit(ended === expected("none") && lost === expected("UNAVAILABLE") ? 0 : 1);
});
JS
timeout 90 node run.cjs || { echo "CHANGED: kubemq-js 1.2.3 after the end of a subscription"; exit 1; }
echo "kubemq-js 1.2.3 does not subscribe again"
