import { create } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import type { Incoming } from "kubemq-es";
import { EventSchema, QueueMessageSchema, Request_RequestType, RequestSchema } from "kubemq-es/gen";
import { take, until, within } from "../../support/until.js";
import { CUT, CUT_AS_READ, sendInvalid } from "../raw-send.js";
import type { Suite } from "../suite.js";
import type { World } from "../world.js";
import { collect } from "./loops.js";

export const invalidText: Suite = {
  title: "Strings that are not UTF-8",
  promises: {
    "an event with strings that are not UTF-8 is received and marked, and the loop continues": async (world) => {
      const client = await world.client();
      const channel = world.channel("event");
      const subscription = client.events.subscribe({ channel });
      await subscription.ready;
      await sendEvent(world, channel, false);
      await client.events.publish({ channel, body: "good" });
      assertRead(await within(5_000, "both arrive", take(subscription, 2)));
    },

    "a stored event with strings that are not UTF-8 is received and marked, and the loop continues": async (world) => {
      const client = await world.client();
      const channel = world.channel("stored");
      await sendEvent(world, channel, true);
      await client.eventsStore.publish({ channel, body: "good" });
      const start = { from: "first" } as const;
      assertRead(await within(5_000, "both arrive", take(client.eventsStore.subscribe({ channel, start }), 2)));
      assertRead(await within(5_000, "both are replayed", take(client.eventsStore.replay({ channel, start }), 2)));
    },

    "a queue message with strings that are not UTF-8 is received, marked and settled, and the loop continues": async (
      world,
    ) => {
      const client = await world.client();
      const channel = world.channel("queue");
      await sendQueueMessage(world, channel);
      await client.queues.send({ channel, body: "good" });
      const received: Incoming[] = [];
      for await (const job of client.queues.consume({ channel })) {
        await job.ack();
        if (received.push(job) === 2) break;
      }
      assertRead(received);
      assert.deepEqual(await client.queues.receive({ channel }), []);
    },

    "receive() loses no message beside one with strings that are not UTF-8": async (world) => {
      const client = await world.client();
      const channel = world.channel("receive");
      await sendQueueMessage(world, channel);
      await client.queues.send({ channel, body: "good" });
      assertRead(await client.queues.receive({ channel, max: 2 }));
    },

    "a command with strings that are not UTF-8 is received and marked, and the loop continues": async (world) => {
      const client = await world.client();
      const channel = world.channel("command");
      const commands = client.commands.subscribe({ channel });
      const received = collect(commands, async (command) => {
        await command.respond();
        return command;
      });
      await commands.ready;
      await sendInvalid(
        world.address,
        "SendRequest",
        RequestSchema,
        create(RequestSchema, { ...cut(channel), RequestTypeData: Request_RequestType.Command, Timeout: 5_000 }),
      );
      await client.commands.send({ channel, body: "good" });
      await until("both have been answered", () => received.items.length === 2);
      assertRead(received.items);
    },
  },
};

const cut = (channel: string) => ({
  ClientID: "raw",
  Channel: channel,
  Metadata: `cut ${CUT} here`,
  Body: Buffer.from("bad"),
  Tags: { key: CUT },
});

const sendEvent = (world: World, channel: string, Store: boolean): Promise<void> =>
  sendInvalid(world.address, "SendEvent", EventSchema, create(EventSchema, { ...cut(channel), Store }));

const sendQueueMessage = (world: World, channel: string): Promise<void> =>
  sendInvalid(world.address, "SendQueueMessage", QueueMessageSchema, create(QueueMessageSchema, cut(channel)));

function assertRead([bad, good]: readonly Incoming[]): void {
  assert.ok(bad !== undefined && good !== undefined);
  assert.deepEqual([bad.text(), bad.hasInvalidText], ["bad", true]);
  assert.deepEqual([bad.metadata, bad.tags["key"]], [`cut ${CUT_AS_READ} here`, CUT_AS_READ]);
  assert.deepEqual([good.text(), good.hasInvalidText], ["good", false]);
}
