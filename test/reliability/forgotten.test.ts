import { expect, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { frame, frameType, RequestScanner } from "../support/h2.js";
import { rejection, until } from "../support/until.js";

/**
 * node:http2 answers some breaches of the protocol with a farewell, and from then on neither reads nor closes: it hears no more of the server, nor that
 * it has gone. The next reset that it cannot send makes it look closed, and calls go to another connection, as pings do.
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
        if (first?.[5] !== 8) continue; // subscriptions begin with the field that tells their type
        subscribed.push(connection);
        // DATA of no stream.
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
