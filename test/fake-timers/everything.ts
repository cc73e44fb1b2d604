import { KubeMQClient } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";

/**
 * Uses every part of the package that waits for a timer, and returns the outcomes. Nothing advances
 * the time.
 */
export async function everything(): Promise<string[]> {
  const seen: string[] = [];
  const broker = await startBroker();
  const client = await KubeMQClient.connect({ address: broker.address });
  const stop = new AbortController();

  const events = client.events.subscribe({ channel: "notes" });
  await events.ready;
  await client.events.publish({ channel: "notes", body: "event" });
  for await (const event of events) {
    seen.push(event.text());
    break;
  }

  await using publisher = client.eventsStore.publisher();
  await publisher.publishAll(["first", "second"].map((body) => ({ channel: "ledger", body })));
  for await (const entry of client.eventsStore.subscribe({ channel: "ledger", start: { from: "first" } })) {
    seen.push(entry.text());
    if (entry.text() === "second") break;
  }

  const serving = client.queries.handle({ channel: "prices" }, (query) => `price of ${query.text()}`, {
    signal: stop.signal,
  });
  await serving.ready;
  const answer = await client.queries.send({ channel: "prices", body: "tea" });
  seen.push(answer.ok ? answer.text() : answer.error);

  const sender = client.queues.publisher();
  await sender.send(["sweep", "mop", "dust"].map((body) => ({ channel: `chores.${body}`, body })));
  for await (const chore of client.queues.consume({ channel: "chores.sweep" })) {
    seen.push(chore.text());
    await chore.ack();
    break;
  }
  for await (const chore of client.queues.consume({ channel: "chores.mop", visibilitySeconds: 5 })) {
    seen.push(`leased ${chore.text()}`);
    await chore.ack();
    break;
  }
  let worked: () => void = () => {};
  const done = new Promise<void>((resolve) => (worked = resolve));
  const working = client.queues.process(
    { channel: "chores.dust" },
    (chore) => {
      seen.push(`processed ${chore.text()}`);
      worked();
    },
    { signal: stop.signal },
  );
  await done;

  stop.abort();
  await Promise.all([serving, working]);
  await sender.close();
  await publisher.close();
  await client.close();
  await broker.close();
  return seen;
}

export const EXPECTED = ["event", "first", "second", "price of tea", "sweep", "leased mop", "processed dust"];
