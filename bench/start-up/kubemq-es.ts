import { firstMessage } from "./first-message.js";

await firstMessage(
  () => import("../../src/index.js"),
  async ({ KubeMQClient }, address) => {
    const client = new KubeMQClient({ address });
    for await (const _event of client.events.subscribe({ channel: "bench.events" })) return;
  },
);
