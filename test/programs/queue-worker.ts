import { writeSync } from "node:fs";
import { KubeMQClient, KubeMQError } from "kubemq-es";

/**
 * A consumer in a separate process, which may be killed at any time. It reports with synchronous
 * writes, so that no report is lost with it: `+ body count` for a delivery, `= body` for a
 * confirmed ack, `? body` for an ack of unknown outcome, `! body` for a delivery lost before it was
 * acked.
 */
const [address = "", channel = "", prefetch = "1"] = process.argv.slice(2);
const say = (line: string) => void writeSync(1, `${line}\n`);
const client = new KubeMQClient({ address, reconnect: { initialDelayMs: 10, maxDelayMs: 200 } });
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

await client.queues.process(
  { channel, prefetch: Number(prefetch) },
  async (job) => {
    const body = job.text();
    say(`+ ${body} ${job.receiveCount}`);
    try {
      await job.ack();
      say(`= ${body}`);
    } catch (error) {
      say(KubeMQError.is(error, "LEASE_LOST") ? `! ${body}` : `? ${body}`);
    }
  },
  { concurrency: Math.min(16, Number(prefetch)), signal: stop.signal },
);
await client.close();
