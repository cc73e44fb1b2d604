import { expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import { startBroker } from "kubemq-es/testing";
import { type Feature, probe } from "../contract/features.js";
import { withProfiles } from "../contract/profiles.js";
import { promiseNames } from "../contract/promises/index.js";
import { promisesIn } from "../contract/table.js";

const document = readFileSync(new URL("../../docs/servers.md", import.meta.url), "utf8");

test("docs/servers.md has a row for each promise (npm run test:server -- --address host:port --write)", () => {
  expect(promisesIn(document).sort()).toEqual(promiseNames().sort());
});

test("docs/servers.md says how many promises each profile keeps (npm run docs:tables)", () => {
  expect(withProfiles(document)).toBe(document);
});

const features: readonly (readonly [row: string, feature: Feature])[] = [
  ["Query cache", "query cache"],
  ["`client.channels`", "channel management"],
  ["`client.queues.info()`", "QueuesInfo"],
  ["Leases (`visibilitySeconds`)", "StreamQueueMessage"],
];

const columns = { default: 3, community: 4, newest: 5 } as const;

test("docs/servers.md says which features each profile of the embedded broker has", async () => {
  const answers = Object.keys(columns).map(async (name) => {
    const profile = name as keyof typeof columns;
    await using broker = await startBroker({ profile });
    return await Promise.all(
      features.map(async ([row, feature]) => [profile, row, await probe(broker.address, feature)]),
    );
  });
  const lines = document.split("\n");
  const cells = Object.entries(columns).map(([profile, column]) =>
    features.map(([row]) => {
      const cell = lines.find((line) => line.startsWith(`| ${row} `))?.split("|")[column];
      return [profile, row, /^ yes\b/.test(cell ?? "")];
    }),
  );
  expect(cells).toEqual(await Promise.all(answers));
});
