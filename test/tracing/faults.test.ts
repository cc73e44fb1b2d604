import { expect, test } from "@jest/globals";
import { KubeMQClient, type Activity, type Observer, type Status, type Telemetry } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { until } from "../support/until.js";
import { withBroker } from "../support/with-broker.js";

const broken = (): never => {
  throw new Error("the exporter is down");
};

const activity: Activity = { carry: (tags) => ({ ...tags }), run: (work) => work(), end: () => {} };

const telemetry = (observer: Partial<Observer>): Telemetry => ({
  observe: () => ({ begin: () => activity, ...observer }),
});

const activityThat = (part: Partial<Activity>) => telemetry({ begin: () => ({ ...activity, ...part }) });

const faults: [string, Telemetry, hook: string][] = [
  ["observe throws", { observe: broken }, "observe"],
  ["begin throws", telemetry({ begin: broken }), "begin"],
  ["carry throws", activityThat({ carry: broken }), "carry"],
  ["carry returns no tags", activityThat({ carry: () => undefined as never }), "carry"],
  ["carry returns a number", activityThat({ carry: () => ({ trace: 7 }) as never }), "carry"],
  ["run throws before the work", activityThat({ run: broken }), "run"],
  [
    "run throws after the work",
    activityThat({
      run: (work) => {
        work();
        return broken();
      },
    }),
    "run",
  ],
  ["end throws", activityThat({ end: broken }), "end"],
];

test.each(faults)(
  "%s: no message or call is lost or repeated, and the status reports the fault",
  async (_, telemetry, hook) => {
    await using broker = await startBroker();
    const seen: Status[] = [];
    const client = new KubeMQClient({ address: broker.address, telemetry });
    const watching = (async () => {
      for await (const status of client.status()) seen.push(status);
    })();

    const heard: string[] = [];
    const events = client.events.subscribe({ channel: "notes" });
    await events.ready;
    const listening = (async () => {
      for await (const event of events) heard.push(event.text());
    })();
    await client.events.publish({ channel: "notes", body: "one", tags: { kept: "yes" } });
    await using publisher = client.eventsStore.publisher();
    expect(await publisher.publishAll(["a", "b"].map((body) => ({ channel: "ledger", body })))).toBe(2);

    const service = client.queries.handle({ channel: "prices" }, (query) => `${query.text()}: 3`);
    await service.ready;
    const answer = await client.queries.send({ channel: "prices", body: "tea" });
    expect(answer.ok && answer.text()).toBe("tea: 3");

    const worked: string[] = [];
    const work = client.queues.process({ channel: "jobs" }, (job) => void worked.push(job.text()));
    await work.ready;
    await client.queues.sendBatch(["first", "second"].map((body) => ({ channel: "jobs", body })));
    await until("both are worked on", () => worked.length === 2);
    await until("the event is heard", () => heard.length === 1);
    await work.close();
    expect((await client.queues.info("jobs")).queues[0]?.waiting).toBe(0);
    await client.close();
    await Promise.all([watching, listening, service]);
    expect(worked).toEqual(["first", "second"]);
    // The observer is called when the client is created, before anybody can read its status.
    const told = seen.flatMap((status) => (status.type === "telemetry-failed" ? [status.hook] : []));
    expect(told).toEqual(hook === "observe" ? [] : [hook]);
  },
);

test("a handler's error is reported as its own, even if the observer rethrows it", () =>
  withBroker({ client: { telemetry: telemetry({}) } }, async ({ client }) => {
    const seen: Status[] = [];
    void (async () => {
      for await (const status of client.status()) seen.push(status);
    })();
    await using service = client.commands.handle({ channel: "doors" }, () => {
      throw new Error("jammed");
    });
    await service.ready;
    expect(await client.commands.send({ channel: "doors", body: "open" })).toMatchObject({ error: "jammed" });
    expect(seen.filter(({ type }) => type === "telemetry-failed")).toEqual([]);
  }));
