import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Broker, BrokerProfile } from "kubemq-es/testing";
import { profiles, startBroker } from "kubemq-es/testing";
import { loadCases } from "./cases.js";
import { play } from "./player.js";
import { ProcessTime } from "./process-time.js";

const cases = loadCases(fileURLToPath(new URL("cases", import.meta.url)));
const isForAll = ({ serverProfile }: { serverProfile?: string }) => serverProfile !== "community";

interface Performance {
  readonly profile: BrokerProfile;
  readonly chosen: typeof cases;
}

/** The community profile without its random and delayed behaviour. */
const punctual: BrokerProfile = {
  ...profiles.community,
  subscriptionDelayMs: [0, 0],
  storedEventsPerSecond: Infinity,
  lostLastAnswers: 0,
};

const performances: readonly [name: string, performance: Performance][] = [
  ["default", { profile: profiles.default, chosen: cases.filter(isForAll) }],
  ["community", { profile: punctual, chosen: cases }],
];

// The cases mostly wait, so both brokers play theirs at the same time, many at once.
const atOnce = 16;

type Verdict = "passed" | Error;

interface Playing {
  readonly broker: Broker;
  readonly verdicts: ReadonlyMap<string, Promise<Verdict>>;
}

const time = new ProcessTime();
const playing = new Map<BrokerProfile, Playing>();

beforeAll(async () => {
  for (const [, { profile, chosen }] of performances) {
    const broker = await startBroker({ clock: time, profile });
    const verdicts = new Map<string, Promise<Verdict>>();
    const waiting = chosen.map((story) => {
      let settle: (verdict: Verdict) => void = () => {};
      verdicts.set(story.name, new Promise((resolve) => (settle = resolve)));
      return { story, settle };
    });
    playing.set(profile, { broker, verdicts });
    void playAll(waiting, broker.address, time);
  }
});

afterAll(async () => {
  await Promise.all([...playing.values()].map(({ broker }) => broker.close()));
  time[Symbol.dispose]();
});

const played = (profile: BrokerProfile) => playing.get(profile) as Playing;

describe.each(performances)("the %s broker against recordings of a KubeMQ server", (_, { profile, chosen }) => {
  test.each(chosen.map(({ name, about }) => [name, about]))(
    "%s: %s",
    async (name) => {
      expect(await played(profile).verdicts.get(name)).toBe("passed");
    },
    180_000, // all start at once, and a busy machine is slow
  );

  test("no case leaves a running call open", async () => {
    const { broker, verdicts } = played(profile);
    await Promise.all(verdicts.values());
    const deadline = Date.now() + 5000;
    while (!isIdle(broker) && Date.now() < deadline) await sleep(20);
    const { streams, pendingRequests, connections } = broker.stats();
    expect({ streams, pendingRequests, connections }).toEqual({
      streams: {},
      pendingRequests: 0,
      connections: 0,
    });
  });
});

test("the default broker skips only cases in which a fuller server differs", () => {
  expect(cases.filter((story) => !isForAll(story)).map(({ name }) => name)).toEqual([
    "channels/list-times-out",
    "requests/no-cache",
    "requests/wildcard-subscription",
  ]);
});

const isIdle = (broker: Broker) => broker.stats().connections === 0 && Object.keys(broker.stats().streams).length === 0;

interface Waiting {
  readonly story: (typeof cases)[number];
  readonly settle: (verdict: Verdict) => void;
}

async function playAll(waiting: Waiting[], address: string, time: ProcessTime): Promise<void> {
  const work = async (worker: number) => {
    // Start a moment later, because the code is not compiled yet.
    await sleep(worker * 25);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      next.settle(await verdictOn(next.story, address, time));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, (_, worker) => work(worker)));
}

async function verdictOn(story: (typeof cases)[number], address: string, time: ProcessTime): Promise<Verdict> {
  try {
    await play(story, address, time);
    return "passed";
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
