// kubemq-js: sends what run.mjs receives, receives what it sends, and asks and answers. It cannot
// send tags (findings/kubemq-js-tags.sh).
const { gunzipSync, gzipSync } = require("node:zlib");
const { once } = require("node:events");
const { QueriesClient, QueuesClient } = require("kubemq-js");

const [, , address] = process.argv;
const order = { id: 7, total: 99.5 };
const text = Buffer.from(JSON.stringify(order));
const queues = new QueuesClient({ address, clientId: "js" });
const queries = new QueriesClient({ address, clientId: "js" });

const send = (codec, body, metadata = "") => queues.send({ channel: `js.sends.${codec}`, body, metadata });

async function receive(codec) {
  const request = { channel: `js.receives.${codec}`, maxNumberOfMessages: 1, waitTimeoutSeconds: 5 };
  const { messages } = await queues.pull(request);
  return Buffer.from(messages[0].body);
}

async function main() {
  await queries.subscribe({ channel: "js.answers" }, (error, query) => {
    if (error) throw error;
    const { item } = JSON.parse(Buffer.from(query.body).toString());
    const body = Buffer.from(JSON.stringify({ item, cents: 4950 }));
    const { id, replyChannel } = query;
    void queries.response({ id, replyChannel, clientId: "js", timestamp: Date.now(), executed: true, error: "", body });
  });
  await send("json", text);
  await send("gzip", gzipSync(text), "C-Order-1.0.0.0");
  console.log("ready");
  await once(process.stdin, "data");
  const asked = await queries.send({ channel: "asked", body: text, metadata: "", timeout: 5_000 });
  const found = {
    json: JSON.parse((await receive("json")).toString()),
    gzip: JSON.parse(gunzipSync(await receive("gzip")).toString()),
    asked: { executed: asked.executed, value: JSON.parse(Buffer.from(asked.body).toString()) },
  };
  console.log(JSON.stringify(found));
  await once(process.stdin, "data");
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
