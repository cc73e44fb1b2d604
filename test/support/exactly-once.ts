import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { KubeMQClient } from "kubemq-es";
import { BrokerProcess } from "./broker-process.js";
import { programAt } from "./program.js";
import { sleep, until } from "./until.js";

export interface Accounting {
  readonly jobs: number;
  readonly kills: number;
  readonly drops: number;
  /** Acks confirmed by the server. */
  readonly confirmed: number;
  /** Jobs confirmed more than once. */
  readonly twice: number;
  /** Jobs never confirmed, although their outcome is not unknown. */
  readonly lost: number;
  /** Jobs whose ack was in flight when their consumer or connection died. */
  readonly unknown: number;
  /** Deliveries beyond the first of each job. */
  readonly redelivered: number;
  /** The most redeliveries that the faults explain: the messages held or in flight at each. */
  readonly explained: number;
  /** Messages left in the queue at the end. */
  readonly left: number;
}

/**
 * Sends jobs to consumers that are killed at random, over connections that drop; then accounts for
 * every job.
 */
export async function exactlyOnce(settings: {
  jobs: number;
  consumers: number;
  prefetch: number;
  kills: number;
  drops: number;
  boundMs: number;
}): Promise<Accounting> {
  const { jobs, consumers, prefetch } = settings;
  await using broker = await BrokerProcess.start();
  const { address } = broker;
  await using client = new KubeMQClient({ address });
  const channel = "jobs";
  const confirmed = new Map<string, number>();
  const unknown = new Set<string>();
  const begun = new Set<string>();
  let deliveries = 0;
  const hear = (line: string) => {
    const [what, body = ""] = line.split(" ");
    if (what === "+") {
      deliveries += 1;
      begun.add(body);
      return;
    }
    if (what === "=") confirmed.set(body, (confirmed.get(body) ?? 0) + 1);
    else if (what === "?") unknown.add(body);
  };
  const running = new Set<ChildProcess>();
  let ended = 0;
  const start = () => {
    const { file, execArgv } = programAt("test/programs/queue-worker.ts");
    const child = spawn(process.execPath, [...execArgv, file, address, channel, String(prefetch)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    running.add(child);
    const open = new Set<string>();
    createInterface({ input: child.stdout }).on("line", (line) => {
      const body = line.split(" ")[1] ?? "";
      if (line.startsWith("+")) open.add(body);
      else open.delete(body);
      hear(line);
    });
    child.once("close", () => {
      running.delete(child);
      for (const body of open) unknown.add(body); // started, and killed before it could report the outcome
      ended += 1;
    });
    return child;
  };
  const send = async () => {
    for (let from = 0; from < jobs; from += 1_000) {
      const bodies = Array.from({ length: Math.min(1_000, jobs - from) }, (_, at) => String(from + at));
      await client.queues.sendBatch(bodies.map((body) => ({ channel, body })));
    }
  };
  try {
    for (let count = 0; count < consumers; count++) start();
    await send();
    let kills = 0;
    let drops = 0;
    const disasters = settings.kills + settings.drops;
    for (let disaster = 1; disaster <= disasters; disaster++) {
      const goal = (jobs * disaster) / (disasters + 1);
      await until("jobs are done", () => confirmed.size + unknown.size >= goal, settings.boundMs);
      await sleep(Math.random() * 20);
      if ((disaster % 2 === 0 && drops < settings.drops) || kills >= settings.kills) {
        drops += 1;
        await broker.call(["faults", "dropConnections"]);
      } else {
        kills += 1;
        const victims = [...running];
        victims[Math.floor(Math.random() * victims.length)]?.kill("SIGKILL");
        start();
      }
    }
    const isEmpty = async () => (await client.queues.info(channel)).queues[0]?.waiting === 0;
    await until("the queue is empty", isEmpty, settings.boundMs);
    const stopped = ended + running.size;
    for (const child of running) child.kill("SIGTERM");
    await until("the consumers end", () => ended >= stopped, 20_000);
    const left = (await client.queues.peek({ channel, max: 1_024 })).length;
    let twice = 0;
    for (const count of confirmed.values()) if (count > 1) twice += 1;
    let lost = 0;
    for (let job = 0; job < jobs; job++) if (!confirmed.has(String(job)) && !unknown.has(String(job))) lost += 1;
    return {
      jobs,
      kills,
      drops,
      confirmed: confirmed.size,
      twice,
      lost,
      unknown: [...unknown].filter((body) => !confirmed.has(body)).length,
      redelivered: deliveries - begun.size,
      explained: prefetch * (kills + drops * consumers),
      left,
    };
  } finally {
    for (const child of running) child.kill("SIGKILL");
  }
}
