import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Broker } from "kubemq-es/testing";
import { startBroker } from "kubemq-es/testing";
import { loadCases } from "./cases.js";
import { play } from "./player.js";

const cases = loadCases(fileURLToPath(new URL("cases", import.meta.url)));
const isForAll = ({ serverProfile }: { serverProfile?: string }) => serverProfile !== "community";
const chosen = cases.filter(isForAll);

// The stories wait far more than they work: played side by side, they take as long as the longest few.
const atOnce = 24;

type Verdict = "passed" | Error;

describe("what was recorded from a KubeMQ server holds for the embedded broker", () => {
  let broker: Broker;
  const verdicts = new Map<string, Promise<Verdict>>();

  beforeAll(async () => {
    broker = await startBroker();
    const waiting = chosen.map((story) => {
      let settle: (verdict: Verdict) => void = () => {};
      verdicts.set(story.name, new Promise((resolve) => (settle = resolve)));
      return { story, settle };
    });
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        next.settle(await verdictOn(next.story, broker.address));
      }
    };
    for (let i = 0; i < atOnce; i++) void work();
  });

  afterAll(async () => {
    await broker.close();
  });

  test.each(chosen.map(({ name, about }) => [name, about]))(
    "%s: %s",
    async (name) => {
      expect(await verdicts.get(name)).toBe("passed");
    },
    60_000,
  );

  test("no case leaves anything running behind", async () => {
    await Promise.all(verdicts.values());
    const deadline = Date.now() + 5000;
    while (Object.keys(broker.stats().streams).length > 0 && Date.now() < deadline) await sleep(20);
    const { streams, pendingRequests, connections } = broker.stats();
    expect({ streams, pendingRequests, connections }).toEqual({
      streams: {},
      pendingRequests: 0,
      connections: 0,
    });
  });

  test("only what a fuller server does otherwise is left out", () => {
    expect(cases.filter((story) => !isForAll(story)).map(({ name }) => name)).toEqual([
      "channels/list-times-out",
      "requests/no-cache",
      "requests/wildcard-subscription",
    ]);
  });
});

async function verdictOn(story: (typeof cases)[number], address: string): Promise<Verdict> {
  try {
    await play(story, address);
    return "passed";
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
