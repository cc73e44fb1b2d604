import { expect, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { rejection } from "../support/until.js";
import { withBroker } from "../support/with-broker.js";

const quick = { endsWithinMs: 150 };

test("withBroker passes when everything that the test opened is closed with the client", async () => {
  const passing = withBroker(async ({ client, controller }) => {
    client.events.subscribe({ channel: "c" }, { signal: controller().signal });
    const loop = client.queues.consume({ channel: "q" });
    await loop.ready;
    await client.events.publish({ channel: "c", body: "x" });
  });
  await expect(passing).resolves.toBeUndefined();
});

test("withBroker fails for a timer that a test leaves running", async () => {
  let timer: NodeJS.Timeout | undefined;
  const error = await rejection(withBroker(quick, async () => void (timer = setTimeout(() => {}, 60_000))));
  clearTimeout(timer);
  expect(String(error)).toMatch(/leaves resources open: \{"Timeout":1\}/);
});

test("withBroker fails for a listener that a test leaves on a signal", async () => {
  const error = await rejection(
    withBroker(quick, async ({ controller }) => controller().signal.addEventListener("abort", () => {})),
  );
  expect(String(error)).toMatch(/leaves resources open: \{"listeners of signals":1\}/);
});

test("withBroker fails for a socket that a test leaves open", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  let socket: Socket | undefined;
  const error = await rejection(
    withBroker(quick, async () => {
      const { port } = server.address() as AddressInfo;
      await new Promise<void>((resolve) => (socket = connect({ port, host: "127.0.0.1" }, () => resolve())));
    }),
  );
  socket?.destroy();
  server.close();
  expect(String(error)).toMatch(/leaves resources open: \{"TCPSocketWrap":\d\}/);
});

test("withBroker fails for a call of a client that it does not close", async () => {
  let stranger: KubeMQClient | undefined;
  const error = await rejection(
    withBroker(quick, async ({ broker }) => {
      stranger = new KubeMQClient({ address: broker.address, reconnect: false });
      await stranger.events.subscribe({ channel: "c" }).ready;
    }),
  );
  await stranger?.close();
  expect(String(error)).toMatch(/leaves calls open: \{"SubscribeToEvents":1\}/);
});

test("withBroker reports the failure of the test, not what the test left open because of it", async () => {
  const timer = setTimeout(() => {}, 60_000);
  const error = await rejection(withBroker(() => Promise.reject(new Error("the test failed"))));
  clearTimeout(timer);
  expect(String(error)).toBe("Error: the test failed");
});
