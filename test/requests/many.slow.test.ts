import { expect, test } from "@jest/globals";
import { KubeMQClient, KubeMQError, type QueryResult } from "kubemq-es";
import { ManualClock, startBroker } from "kubemq-es/testing";
import { PATIENCE_MS } from "../support/request-world.js";
import { ResponderProcess } from "../support/responder-process.js";
import { until } from "../support/until.js";

const COUNT = 10_000;

/**
 * Checks `StreamEngine` and `ReceivedRequest` together: each request of a group is answered once,
 * by the member that received it, and only the requests of a dying member are lost. Time-outs use
 * the broker's clock, so a slow machine changes nothing.
 */
test("10,000 requests to a group of three processes settle correctly while one process is killed", async () => {
  const clock = new ManualClock();
  await using broker = await startBroker({ clock });
  await using client = new KubeMQClient({ address: broker.address });
  const members = await Promise.all(
    ["one", "two", "three"].map((name) => ResponderProcess.start(broker.address, "sums", "group", name)),
  );
  const [victim, ...survivors] = members;
  if (victim === undefined) throw new Error("no members");
  try {
    const bodies = Array.from({ length: COUNT }, (_, i) => `request ${i}`);
    const outcomes = new Map<string, QueryResult | KubeMQError>();
    const asking = Promise.all(
      bodies.map((body) =>
        client.queries.send({ channel: "sums", body }, { timeoutMs: PATIENCE_MS }).then(
          (result) => void outcomes.set(body, result),
          (error: KubeMQError) => void outcomes.set(body, error),
        ),
      ),
    );
    await until("a part is answered", () => outcomes.size > 500, 150_000);
    await victim.kill();
    const answeredBy = (taken: ReadonlySet<string>) => Array.from(taken).every((body) => outcomes.has(body));
    const idle = () => survivors.every(({ taken }) => answeredBy(taken));
    const answers = () => outcomes.size;
    await until("the survivors have answered theirs", quiet(answers, idle), 150_000);
    clock.advance(PATIENCE_MS);
    await asking;

    expect(outcomes.size).toBe(COUNT);
    const timedOut = new Set<string>();
    const answered = new Map<string, string[]>(members.map(({ clientId }) => [clientId, []]));
    for (const [body, outcome] of outcomes) {
      if (KubeMQError.is(outcome, "TIMEOUT")) timedOut.add(body);
      else if (KubeMQError.is(outcome) || !outcome.ok) expect({ body, outcome }).toBe("answered or timed out");
      else {
        answered.get(outcome.clientId)?.push(body);
        expect(outcome.text()).toBe(`${outcome.clientId} answers ${body}`);
      }
    }
    // Each survivor answered all the requests that it received, and no others.
    for (const { clientId, taken } of survivors) expect(new Set(answered.get(clientId))).toEqual(taken);
    expect(answered.get(victim.clientId)?.length).toBeGreaterThan(0);
    // The dead member had received the requests that timed out, and there were some.
    expect(timedOut.size).toBeGreaterThan(0);
    for (const { taken } of survivors) expect(Array.from(taken).filter((body) => timedOut.has(body))).toEqual([]);

    // The group continues without it.
    const later = await Promise.all(
      bodies
        .slice(0, 200)
        .map((body) => client.queries.send({ channel: "sums", body: `later ${body}` }, { timeoutMs: PATIENCE_MS })),
    );
    expect(new Set(later.map(({ clientId }) => clientId))).toEqual(new Set(["two", "three"]));
  } finally {
    await Promise.all(members.map((member) => member.kill()));
  }
}, 400_000);

/** Waits until a condition holds and a number that it depends on has been stable for a while. */
function quiet(number: () => number, condition: () => boolean): () => boolean {
  let last = -1;
  let since = performance.now();
  return () => {
    const current = number();
    if (current !== last) {
      last = current;
      since = performance.now();
    }
    return performance.now() - since > 500 && condition();
  };
}
