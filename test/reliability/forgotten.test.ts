import { expect, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { frame, frameType, RequestScanner } from "../support/h2.js";
import { rejection, until } from "../support/until.js";

/**
 * After some protocol violations, node:http2 sends a GOAWAY and then neither reads nor closes the
 * connection, and does not notice its end. The next reset that it cannot send marks it as closed,
 * and calls and pings use another connection.
 */
test("a stream on a replaced connection recovers on the new one", async () => {
  const sockets = new Set<Socket>();
  const subscribed: number[] = [];
  let connections = 0;
  const server = createServer((socket) => {
    const connection = ++connections;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.write(Buffer.concat([frame(frameType.settings, 0, 0), frame(frameType.settings, 1, 0)]));
    const scanner = new RequestScanner();
    socket.on("data", (chunk) => {
      for (const { first } of scanner.push(chunk)) {
        if (first?.[5] !== 8) continue; // subscriptions begin with the field of their type
        subscribed.push(connection);
        // DATA for a stream that does not exist.
        if (connection === 1) socket.write(frame(frameType.data, 0, 0, Buffer.alloc(10)));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await using client = new KubeMQClient({
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    timeoutMs: 300,
    reconnect: { initialDelayMs: 10 },
  });
  const loop = (async () => {
    for await (const event of client.events.subscribe({ channel: "c" })) if (event === undefined) break;
  })();
  await until("the stream is open", () => subscribed.length === 1);
  await until("calls go to another connection", async () => {
    await rejection(client.events.publish({ channel: "c", body: "x" }));
    return connections === 2;
  });
  await until("the stream is open on the other connection", () => subscribed.at(-1) === 2, 5_000);
  await client.close({ timeoutMs: 100 });
  await loop;
  expect(subscribed).toEqual([1, 2]);
  server.close();
  for (const socket of sockets) socket.destroy();
}, 20_000);
