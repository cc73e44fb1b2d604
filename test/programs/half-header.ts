import { createServer, type AddressInfo } from "node:net";
import { KubeMQClient } from "kubemq-es";
import { frame, frameType, headers, RequestScanner } from "../support/h2.js";
import { sleep } from "../support/until.js";

/**
 * Leaves a server that began a header block, never ended it, and stopped reading while data for it
 * waits to be written. node:http2 then leaves streams to the garbage collector, which may free
 * their session first.
 */
const settings = Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff]); // the largest possible window
/** The server ends the connection in every second round, the client in the others. */
let hangsUp = false;
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.write(Buffer.concat([frame(frameType.settings, 0, 0, settings), frame(frameType.settings, 1, 0)]));
  socket.write(frame(frameType.windowUpdate, 0, 0, Buffer.from([0x40, 0, 0, 0])));
  const scanner = new RequestScanner();
  socket.on("data", (chunk) => {
    for (const { id } of scanner.push(chunk)) {
      // The fifth byte holds the flags, which would mark the end of the header block.
      const half = headers(id, { ":status": "200", "content-type": "application/grpc", "x-half": "x".repeat(90) });
      half[4] = 0;
      socket.write(half);
      socket.pause();
      setTimeout(() => socket.resetAndDestroy(), hangsUp ? 80 : 400);
    }
  });
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
for (let round = 0; round < 6; round++) {
  hangsUp = round % 2 === 1;
  const client = new KubeMQClient({ address });
  const publisher = client.queues.publisher({ ordered: false });
  const sent: Promise<unknown>[] = [];
  const send = (bytes: number) =>
    void sent.push(publisher.send({ channel: "c", body: Buffer.alloc(bytes) }).catch(() => {}));
  send(1);
  await sleep(50);
  send(40_000_000);
  await sleep(hangsUp ? 100 : 50);
  await client.close({ timeoutMs: 0 });
  await Promise.all(sent);
  for (let n = 0; n < 4; n++) {
    gc?.();
    await sleep(5);
  }
}
server.close();
console.log("done");
