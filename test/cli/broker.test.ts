import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Request_RequestType } from "kubemq-es/gen";
import { startBroker } from "kubemq-es/testing";
import { within } from "../support/until.js";
import { build, discard, startProcess } from "./process.js";
import { rawClient } from "../broker/raw-client.js";

function run(...args: string[]) {
  const child = startProcess(["broker", ...args]);
  const output = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.err += chunk.toString()));
  const exit = once(child, "exit").then(([code]) => code as number | null);
  const ready = (async () => {
    while (!output.out.includes("\n")) await once(child.stdout, "data");
    return output.out.trim();
  })();
  return { child, output, exit, ready };
}

beforeAll(build, 60_000);
afterAll(discard);

describe("kubemq-es broker", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "says where it listens, serves, and ends cleanly on %s",
    async (signal) => {
      const { child, ready, exit, output } = run("--port", "0", "--verbose");
      const line = await within(20_000, "it listens", ready);
      expect(line).toMatch(/^listening on 127\.0\.0\.1:\d+$/);
      using client = rawClient(line.replace("listening on ", ""));
      expect((await client.rpc.ping({})).Version).toMatch(/^v/);
      child.kill(signal);
      expect(await within(10_000, "it ends", exit)).toBe(0);
      expect(output.err).toMatch(/ Ping\n/);
    },
    40_000,
  );

  test("the broker command applies --profile, shows it on its page, and refuses an unknown name", async () => {
    const community = run("--port", "0", "--profile", "community", "--ui-port", "0");
    const [line = ""] = (await within(20_000, "it listens", community.ready)).split("\n");
    while (!community.output.out.includes("page at")) await once(community.child.stdout, "data");
    const [page = ""] = /http:\/\/127\.0\.0\.1:\d+\/$/m.exec(community.output.out) ?? [];
    expect(await (await fetch(`${page}state`)).json()).toMatchObject({ profile: { name: "community" } });
    using client = rawClient(line.replace("listening on ", ""));
    const listing = client.rpc.sendRequest({
      ClientID: "c",
      Channel: "kubemq.cluster.internal.requests",
      RequestTypeData: Request_RequestType.Query,
      Metadata: "list-channels",
      Tags: { channel_type: "queues" },
      Timeout: 100,
    });
    await expect(listing).rejects.toThrow("Error 301: timeout for request message");
    const unknown = run("--profile", "comunity");
    expect(await within(20_000, "it ends", unknown.exit)).not.toBe(0);
    expect(unknown.output.err).toContain("Allowed choices are default, community");
  }, 60_000);

  test("the broker command reports a taken port", async () => {
    await using broker = await startBroker();
    const { exit, output } = run("--port", String(broker.port));
    expect(await within(20_000, "it ends", exit)).toBe(1);
    expect(output.err).toContain(`address already in use 127.0.0.1:${broker.port}`);
    expect(output.err).toContain("choose another --port");
    expect(output.err).not.toContain("    at ");
  }, 40_000);
});
