// A query whose answer the server caches.
import { json, KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });

const prices = new Map([["apple", 1.2]]);
const queries = client.queries.subscribe({ channel: "price" });
const responding = (async () => {
  for await (const query of queries) {
    const price = prices.get(query.text());
    if (price === undefined) await query.fail(`no price for ${query.text()}`);
    else await query.respond({ body: price, codec: json<number>() });
  }
})();
await queries.ready;

// The second answer comes from the cache, if the server has one (open-source servers do not).
for (const fruit of ["apple", "apple", "kiwi"]) {
  const cache = { key: fruit, ttlSeconds: 60 };
  const result = await client.queries.send({ channel: "price", body: fruit, cache, responseCodec: json<number>() });
  if (result.ok) console.log(`${fruit}: ${result.value}${result.cacheHit ? " (cached)" : ""}`);
  else console.log(`${fruit}: ${result.error}`);
}

await queries.close();
await responding;

/* prints:
apple: 1.2
apple: 1.2 (cached)
kiwi: no price for kiwi
*/
