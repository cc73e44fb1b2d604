import { firstMessage } from "./first-message.js";

await firstMessage(
  () => import("../../src/index.js"),
  ({ KubeMQClient }, address, onMessage) => {
    const client = new KubeMQClient({ address });
    void (async () => {
      for await (const _event of client.events.subscribe({ channel: "bench.events" })) onMessage();
    })();
  },
);
