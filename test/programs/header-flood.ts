import { createServer, type AddressInfo } from "node:net";
import { KubeMQClient } from "kubemq-es";
import { flag, frame, frameType, headers, RequestScanner } from "../support/h2.js";

/**
 * Closes clients as soon as a call fails because of a header block that is too large for
 * node:http2.
 */
const many = Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`x-${n}`, "y"]));
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.write(frame(frameType.settings, 0, 0));
  const scanner = new RequestScanner();
  let acknowledged = false;
  socket.on("data", (chunk) => {
    if (!acknowledged) socket.write(frame(frameType.settings, flag.ack, 0));
    acknowledged = true;
    for (const { id } of scanner.push(chunk)) socket.write(headers(id, { ":status": "200", ...many }));
  });
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
for (let round = 0; round < 60; round++) {
  const client = new KubeMQClient({ address });
  await Promise.race([1, 2, 3].map(() => client.ping().catch(() => {})));
  await client.close({ timeoutMs: 0 });
}
server.close();
console.log("done");
