import type { KubeMQClient } from "kubemq-es";
import { Arrivals, check } from "./check.js";

/** Events: two plain subscribers get every line, the two members of a group share them. */
export async function events(client: KubeMQClient, run: string, lines: readonly string[]): Promise<void> {
  console.log("events");
  const stop = new AbortController();
  const arrivals = new Arrivals(lines.length * 3);
  const listen = (channel: string, group?: string) => {
    const subscription = client.events.subscribe(group === undefined ? { channel } : { channel, group }, {
      signal: stop.signal,
    });
    const received: string[] = [];
    const loop = (async () => {
      for await (const event of subscription) {
        received.push(`${event.metadata} ${event.text()}`);
        arrivals.arrived();
      }
    })();
    return { ready: subscription.ready, received, loop };
  };
  const plain = listen(`${run}.lines`);
  const wildcard = listen(`${run}.*`);
  const members = [listen(`${run}.lines`, "pair"), listen(`${run}.lines`, "pair")] as const;
  const all = [plain, wildcard, ...members];
  await Promise.all(all.map(({ ready }) => ready));

  await using publisher = client.events.publisher();
  // The line's number travels as metadata: a message needs a body or metadata, and a line may be empty.
  await publisher.publishAll(lines.map((body, n) => ({ channel: `${run}.lines`, metadata: String(n), body })));
  await arrivals.all;
  stop.abort(); // every loop ends quietly
  await Promise.all(all.map(({ loop }) => loop));

  const sent = lines.map((line, n) => `${n} ${line}`);
  check("plain subscriber", plain.received, sent);
  check("wildcard subscriber", wildcard.received, sent);
  const [one, other] = members.map(({ received }) => received);
  const number = (line: string) => Number.parseInt(line, 10);
  const shared = [...(one ?? []), ...(other ?? [])].sort((a, b) => number(a) - number(b));
  check(`group of two (${one?.length ?? 0} + ${other?.length ?? 0})`, shared, sent);
}
