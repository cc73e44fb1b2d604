import { expect, test } from "@jest/globals";
import { Bench, ids } from "./support.js";

const request = (RequestID: string, ...bodies: string[]) => ({
  RequestID,
  Messages: bodies.map((id) => ({ MessageID: id, ClientID: "c", Channel: "q", Metadata: id })),
});

test("requests sent together are answered and stored in order", async () => {
  await using bench = await Bench.start();
  const upstream = bench.upstream();
  for (let number = 0; number < 20; number++) upstream.write(request(`r${number}`, `m${number}`));
  for (let number = 0; number < 20; number++) expect((await upstream.next()).RefRequestID).toBe(`r${number}`);
  expect(ids(await bench.drain("q"))).toEqual(Array.from({ length: 20 }, (_, number) => `m${number}`));
  upstream.cancel();
  await bench.quiet();
});

test("pending answers arrive after the client has closed its side", async () => {
  await using bench = await Bench.start();
  const upstream = bench.upstream();
  upstream.write(request("a", "m1"));
  upstream.write({ RequestID: "b", Messages: [] });
  upstream.halfClose();
  expect(await upstream.next()).toMatchObject({ RefRequestID: "a", IsError: false });
  expect(await upstream.next()).toMatchObject({ RefRequestID: "b", Error: "no messages to send", Results: [] });
  upstream.cancel();
  await bench.quiet();
});

test("the reorderUpstream quirk lets the second answer overtake the first, and loses none", async () => {
  await using bench = await Bench.start({ quirks: { reorderUpstream: true } });
  const upstream = bench.upstream();
  for (const id of ["a", "b", "c"]) upstream.write(request(id, id));
  expect((await upstream.next()).RefRequestID).toBe("b");
  expect((await upstream.next()).RefRequestID).toBe("a");
  await bench.timers(1);
  bench.clock.advance(1000);
  expect((await upstream.next()).RefRequestID).toBe("c");
  upstream.write(request("d", "d"));
  await bench.timers(1);
  upstream.cancel();
  await bench.quiet();
});
