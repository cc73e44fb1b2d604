import { queryObjects } from "node:v8";
import { AnsweredStream } from "../../src/stream/send/answered-stream.js";
import { KubeMQClient } from "../../src/index.js";

/**
 * `send-memory.ts SCENARIO ADDRESS` prints, as JSON, what plain sends leave in the memory of this
 * process. `node --expose-gc --import tsx` runs it.
 */
const [, , scenarioName = "", address = ""] = process.argv;
const message = { channel: "memory", body: Buffer.alloc(100, 97) };

/** Bytes of the heap and of buffers, after collections between which finalizers run. */
async function heldBytes(): Promise<number> {
  for (let turn = 0; turn < 4; turn++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Waits until every stream of a plain send has been let go and collected. */
async function streamsLetGo(): Promise<void> {
  do {
    await new Promise((resolve) => setTimeout(resolve, 100));
    await heldBytes();
  } while (queryObjects(AnsweredStream, { format: "count" }) > 0);
}

/** Runs a function `count` times, 256 at once. */
async function all(count: number, run: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: 256 }, worker));
}

const scenarios: Record<string, () => Promise<object>> = {
  "100,000 plain sends": async () => {
    await using client = await KubeMQClient.connect({ address });
    await all(5_000, () => client.queues.send(message));
    await streamsLetGo();
    const before = await heldBytes();
    await all(100_000, () => client.queues.send(message));
    const streaming = (await heldBytes()) - before;
    await streamsLetGo();
    return { streaming, letGo: (await heldBytes()) - before };
  },
  /** 250 clients, four times each. */
  "streams of 1,000 clients": async () => {
    const clients: KubeMQClient[] = [];
    await all(250, async () => clients.push(await KubeMQClient.connect({ address })));
    const send = async (client: KubeMQClient | undefined) => {
      await client?.queues.send(message);
      await client?.eventsStore.publish(message);
    };
    await all(250, (at) => send(clients[at]));
    await streamsLetGo();
    const before = await heldBytes();
    for (let round = 0; round < 4; round++) {
      await all(250, (at) => send(clients[at]));
      await streamsLetGo();
    }
    return { letGo: (await heldBytes()) - before };
  },
};

const scenario = scenarios[scenarioName];
if (scenario === undefined || globalThis.gc === undefined)
  throw new Error(`no scenario ${scenarioName}, or no --expose-gc`);
console.log(JSON.stringify(await scenario()));
