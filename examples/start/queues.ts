import { forEachConcurrent, type KubeMQClient } from "kubemq-es";
import { Arrivals, check } from "./check.js";

/** Queues: the lines are jobs for four workers; every tenth is rejected until it lands in the dead-letter queue. */
export async function queues(client: KubeMQClient, run: string, lines: readonly string[]): Promise<void> {
  console.log("queues");
  const channel = `${run}.jobs`;
  const dead = `${run}.dead`;
  const fails = (n: number) => n % 10 === 9;
  const numbers = lines.map((_, n) => n);
  await using publisher = client.queues.publisher();
  const results =
    lines.length === 0
      ? []
      : await publisher.send(
          lines.map((body, n) => ({
            channel,
            metadata: String(n),
            body,
            policy: { deadLetter: { queue: dead, maxReceiveCount: 2 } },
          })),
        );
  check(
    "jobs stored",
    results.filter((result) => result.ok).map((_, n) => n),
    numbers,
  );

  const stop = new AbortController();
  const done: number[] = [];
  const buried: number[] = [];
  const arrivals = new Arrivals(lines.length);
  const work = async () => {
    for await (const job of client.queues.consume({ channel }, { signal: stop.signal })) {
      const n = Number(job.metadata);
      if (fails(n)) await job.reject();
      else {
        await job.ack();
        done.push(n);
        arrivals.arrived();
      }
    }
  };
  const bury = () =>
    forEachConcurrent(
      client.queues.consume({ channel: dead, prefetch: 8 }, { signal: stop.signal }),
      8,
      async (job) => {
        await job.ack();
        buried.push(Number(job.metadata));
        arrivals.arrived();
      },
    );
  const workers = [work(), work(), work(), work(), bury()];
  await arrivals.all;
  stop.abort();
  await Promise.all(workers);
  const inOrder = (a: number, b: number) => a - b;
  check(
    "done by four workers",
    done.sort(inOrder),
    numbers.filter((n) => !fails(n)),
  );
  check("rejected twice, then dead letters", buried.sort(inOrder), numbers.filter(fails));
}
