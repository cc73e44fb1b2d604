import { KubeMQClient } from "kubemq-es";

/**
 * A responder in a separate process. Arguments: address, channel, group and name. Reports to its
 * parent when it is ready and which requests it receives. With a fifth argument `crash`, it dies
 * while handling the first request.
 */
const [address = "", channel = "", group = "", clientId = "", crash] = process.argv.slice(2);
const client = new KubeMQClient({ address, clientId });
process.on("disconnect", () => process.exit());

const taken: string[] = [];
setInterval(() => taken.length > 0 && process.send?.({ taken: taken.splice(0) }), 20);
const handling = client.queries.handle(
  { channel, group },
  async (query) => {
    if (crash === "crash") process.kill(process.pid, "SIGKILL");
    taken.push(query.text());
    await new Promise((resolve) => setTimeout(resolve, 1));
    return `${clientId} answers ${query.text()}`;
  },
  { concurrency: 32 },
);
await client.ping();
process.send?.({ ready: true });
await handling;
