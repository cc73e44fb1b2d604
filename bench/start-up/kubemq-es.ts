import type * as Package from "../../src/index.js";
import { firstMessage } from "./first-message.js";

/** The published package. */
const file = "../../../dist/src/index.js";

await firstMessage(
  () => import(file) as Promise<typeof Package>,
  ({ KubeMQClient }, address, onMessage) => {
    const client = new KubeMQClient({ address });
    void (async () => {
      for await (const _event of client.events.subscribe({ channel: "bench.events" })) onMessage();
    })();
  },
);
