import { describe, expect, test } from "@jest/globals";
import { overConnect } from "../support/connect-streams.js";
import { createRouterTransport } from "@connectrpc/connect";
import { KubeMQClient, type StartPosition } from "kubemq-es";
import { kubemq } from "kubemq-es/gen";

/** A client whose sent bytes are counted. */
function offline() {
  const calls: string[] = [];
  const count = (name: string) => (): never => {
    calls.push(name);
    throw new Error("no call was expected");
  };
  const transport = createRouterTransport(({ service }) => {
    service(kubemq, {
      ping: count("ping"),
      sendEvent: count("sendEvent"),
      subscribeToEvents: count("subscribeToEvents"),
    });
  });
  return { client: new KubeMQClient({}, { transport: overConnect(transport) }), calls };
}

const badStarts: [string, unknown][] = [
  ["nothing", undefined],
  ["null", null],
  ["an unknown position", { from: "yesterday" }],
  ["sequence 0", { from: "sequence", sequence: 0n }],
  ["sequence 0 as number", { from: "sequence", sequence: 0 }],
  ["a negative sequence", { from: "sequence", sequence: -1n }],
  ["a sequence beyond int64", { from: "sequence", sequence: 2n ** 63n }],
  ["an unsafe number", { from: "sequence", sequence: 2 ** 53 }],
  ["a fraction", { from: "sequence", sequence: 1.5 }],
  ["a sequence as text", { from: "sequence", sequence: "1" }],
  ["no sequence", { from: "sequence" }],
  ["an invalid Date", { from: "time", time: new Date(NaN) }],
  ["1970", { from: "time", time: new Date(0) }],
  ["before 1970", { from: "time", time: new Date(-1) }],
  ["after 2262", { from: "time", time: new Date(8.64e15) }],
  ["milliseconds in place of a Date", { from: "time", time: Date.now() }],
  ["0 seconds", { from: "timeDelta", seconds: 0 }],
  ["negative seconds", { from: "timeDelta", seconds: -5 }],
  ["half a second", { from: "timeDelta", seconds: 0.5 }],
  ["NaN seconds", { from: "timeDelta", seconds: NaN }],
  ["too many seconds", { from: "timeDelta", seconds: 1e12 }],
];
const badChannels = ["", "a.*", ">", "a b", "a.", ".a", "a..b", "a/b", "a\tb", "a\nb", "a\u0000"];
const start: StartPosition = { from: "first" };

describe("invalid input of the events store", () => {
  test.each(badStarts)("subscribe refuses start %s before a byte is sent", async (_, bad) => {
    const { client, calls } = offline();
    const refused = expect.objectContaining({ code: "INVALID_ARGUMENT", retryable: false, channel: "c" });
    const request = { channel: "c", start: bad as { from: "first" } };
    expect(() => client.eventsStore.subscribe(request)).toThrow(refused);
    expect(() => client.eventsStore.replay(request)).toThrow(refused);
    await client.close();
    expect(calls).toEqual([]);
  });

  test.each(badChannels.map((channel) => [channel]))(
    "subscribe refuses channel %j before a byte is sent",
    async (channel) => {
      const { client, calls } = offline();
      const refused = expect.objectContaining({ code: "INVALID_ARGUMENT" });
      expect(() => client.eventsStore.subscribe({ channel, start })).toThrow(refused);
      expect(() => client.eventsStore.replay({ channel, start: { from: "first" } })).toThrow(refused);
      await expect(client.eventsStore.publish({ channel, body: "x" })).rejects.toEqual(refused);
      await client.close();
      expect(calls).toEqual([]);
    },
  );

  test.each([[""], ["a b"], ["a\tb"], ["a:b"]])("subscribe refuses group %j before a byte is sent", async (group) => {
    const { client, calls } = offline();
    const refused = expect.objectContaining({ code: "INVALID_ARGUMENT" });
    expect(() => client.eventsStore.subscribe({ channel: "c", group, start })).toThrow(refused);
    await client.close();
    expect(calls).toEqual([]);
  });

  test("subscribe refuses a channel with a colon together with a group", async () => {
    const { client, calls } = offline();
    const refused = expect.objectContaining({ code: "INVALID_ARGUMENT" });
    expect(() => client.eventsStore.subscribe({ channel: "a:b", group: "g", start })).toThrow(refused);
    await client.close();
    expect(calls).toEqual([]);
  });

  test.each(["a b", "a.b", "ä", "", "a/b"])("clientId: %j", (clientId) => {
    expect(() => new KubeMQClient({ clientId })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("replay refuses a start with new events and an invalid bound", async () => {
    const { client, calls } = offline();
    const refused = expect.objectContaining({ code: "INVALID_ARGUMENT" });
    const request = { channel: "c", start: { from: "new" } as unknown as { from: "first" } };
    expect(() => client.eventsStore.replay(request)).toThrow(refused);
    for (const quietMs of [0, -1, 1.5, Infinity]) {
      expect(() => client.eventsStore.replay({ channel: "c", start: { from: "first" }, quietMs })).toThrow(refused);
    }
    await client.close();
    expect(calls).toEqual([]);
  });
});
