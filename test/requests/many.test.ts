import { expect, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { ManualClock, startBroker } from "kubemq-es/testing";
import { outcomeOf, PATIENCE_MS } from "../support/request-world.js";
import { until } from "../support/until.js";

/**
 * A failed call ends with its stream; resetting the stream in addition made the server close the
 * connection after a thousand resets.
 */
test("1,200 requests that time out together keep the connection", async () => {
  const clock = new ManualClock();
  await using broker = await startBroker({ clock });
  await using client = new KubeMQClient({ address: broker.address });
  const responding = client.commands.subscribe({ channel: "door" });
  await responding.ready;
  const asking = Promise.all(
    Array.from({ length: 1_200 }, (_, i) =>
      outcomeOf(client.commands.send({ channel: "nobody", body: `${i}` }, { timeoutMs: PATIENCE_MS })),
    ),
  );
  await until("all wait", () => broker.stats().pendingRequests === 1_200, 30_000);
  clock.advance(PATIENCE_MS);
  expect(new Set(await asking)).toEqual(new Set(["TIMEOUT"]));
  const sent = client.commands.send({ channel: "door", body: "open" }, { timeoutMs: PATIENCE_MS });
  for await (const request of responding) {
    await request.respond();
    break;
  }
  expect(await outcomeOf(sent)).toBe("executed");
  expect(client.state).toBe("ready");
}, 150_000);
