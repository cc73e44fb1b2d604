// TLS with a private authority, a client certificate, and a token that is fetched again when the
// server refuses it.
import { fileURLToPath } from "node:url";
import { KubeMQClient, KubeMQError } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { readFile } from "node:fs/promises";

const pem = (name: string) => fileURLToPath(new URL(`../test/support/tls/${name}.pem`, import.meta.url));
const [cert, key, ca] = await Promise.all(["server", "server-key", "ca"].map((name) => readFile(pem(name))));
if (!cert || !key || !ca) throw new Error("no certificates");
await using server = await startBroker({ port: 0, cert, key, ca, token: "monday" });
const address = `https://localhost:${server.port}`;

let today = "monday";
await using client = new KubeMQClient({
  address,
  tls: { ca: pem("ca"), cert: pem("client"), key: pem("client-key") },
  authToken: async () => today, // read a secret store, or the file that Kubernetes mounts
});
await client.events.publish({ channel: "orders", body: "one book" });
console.log("published with the token of", today);

server.setToken((today = "tuesday"));
await client.events.publish({ channel: "orders", body: "one pen" });
console.log("published with the token of", today);

await using stranger = new KubeMQClient({ address, tls: { ca: pem("ca") }, authToken: "guessed" });
const refusal = await stranger.queues.info().catch((error: unknown) => error);
console.log("without a certificate:", KubeMQError.is(refusal) && refusal.code);

/* prints:
published with the token of monday
published with the token of tuesday
without a certificate: UNAUTHENTICATED
*/
