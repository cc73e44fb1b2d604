import { describe, expect, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { run } from "../support/run.js";
import { until } from "../support/until.js";

describe("leaving a stream", () => {
  test("subscribed and aborted at random moments, by every way out: no stream, no listener, no unhandled rejection", async () => {
    const { code, signal, stderr, stdout } = await run("./churn.ts", ["1000"], 100_000);
    expect({ code, signal, stderr, stdout }).toEqual({ code: 0, signal: null, stderr: "", stdout: "done\n" });
  }, 110_000);

  const reason = new Error("the body threw");
  const ways: readonly (readonly [string, (n: number) => boolean])[] = [
    ["break", () => true],
    ["return", () => true],
    [
      "throw",
      () => {
        throw reason;
      },
    ],
  ];

  test.each(ways)(
    "%s at every position cancels the call within 100 ms, and prefetched messages come back",
    async (way, leave) => {
      await using broker = await startBroker();
      await using one = await KubeMQClient.connect({ address: broker.address });
      for (let position = 1; position <= 4; position++) {
        const channel = `q.${way}.${position}`;
        for (let n = 1; n <= 5; n++) await one.queues.send({ channel, body: String(n) });
        let leftAt = 0;
        const loop = async (): Promise<void> => {
          let count = 0;
          for await (const delivery of one.queues.consume({ channel, prefetch: 5 })) {
            count += 1;
            if (count < position) await delivery.ack();
            else {
              leftAt = performance.now();
              if (way === "return") return;
              if (leave(count)) break;
            }
          }
        };
        const outcome = await loop().catch((error: unknown) => error);
        expect(outcome).toBe(way === "throw" ? reason : undefined);
        await until("its call is gone", () => broker.stats().streams["QueuesDownstream"] === undefined, 1_000);
        expect(performance.now() - leftAt).toBeLessThan(1_000);
        const rest = await one.queues.receive({ channel, max: 10, waitSeconds: 1 });
        expect(rest.map((message) => message.text())).toEqual(["1", "2", "3", "4", "5"].slice(position - 1));
      }
    },
    40_000,
  );
});
