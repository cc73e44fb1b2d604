import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { EventReceiveSchema } from "kubemq-es/gen";
import { kubemqCodecs } from "../../gen/kubemq_codec.js";
import { systemClock } from "../../src/support/time/clock.js";
import { StreamEngine } from "../../src/stream/engine.js";
import type { Reader } from "../../src/transport/index.js";

// V8 allocates the objects of a literal in the old generation when it has seen many of them live
// long, and an old object retains its references until the next full collection: see
// src/support/yielded.ts.

setFlagsFromString("--allow-natives-syntax");
setFlagsFromString("--expose-gc");
const collectYoung = runInNewContext("() => gc({ type: 'minor' })") as () => void;
const isYoung = runInNewContext("(object) => %InYoungGeneration(object)") as (object: object) => boolean;

/** This many streams have a waiting object when garbage is collected. */
const WAITING = 5_000;
/** Enough for the code to be optimized, with a margin. */
const ROUNDS = 30_000;

/**
 * Creates many objects that live long, then many that do not, and returns how many of the latter
 * are in the old generation.
 */
async function oldOnes(make: (count: number) => Promise<object[]>): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    const waiting = await make(WAITING);
    collectYoung();
    collectYoung();
    expect(isYoung(waiting[0] ?? {})).toBe(false);
  }
  let old = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const [object] = await make(1);
    if (object !== undefined && !isYoung(object)) old += 1;
  }
  return old;
}

test("received messages are allocated in the young generation, even if others had to wait", async () => {
  const bytes = Buffer.from(toBinary(EventReceiveSchema, create(EventReceiveSchema, { EventID: "e", Channel: "c" })));
  const decode = kubemqCodecs[EventReceiveSchema.typeName]?.decode;
  if (decode === undefined) throw new Error("no codec");
  const received = () => {
    const message = decode(bytes, 0, bytes.length);
    if (message === undefined) throw new Error("left to protobuf-es");
    return message;
  };
  const make = (count: number) => Promise.resolve(Array.from({ length: count }, received));
  expect(await oldOnes(make)).toBeLessThan(ROUNDS / 100);
});

test("results of next() are allocated in the young generation, even if others had to wait", async () => {
  let reader: Reader<number> | undefined;
  const never = new Promise<never>(() => {});
  const engine = new StreamEngine<number, number>(
    {
      operation: "test.subscribe",
      channel: "c",
      kind: "events",
      capacity: WAITING + 1,
      open: () => ({ read: (next) => void (reader = next), resume() {}, cancel() {} }),
      map: (n) => n,
    },
    {
      clock: systemClock,
      reconnect: false,
      isOpen: true,
      random: () => 0.5,
      join: () => {},
      leave: () => {},
      up: () => {},
      down: () => {},
      probe: () => never,
      report: () => {},
    },
  );
  const asked = async (count: number) => {
    const results = Array.from({ length: count }, () => engine.next());
    for (let index = 0; index < count; index++) reader?.message(index, 1);
    return Promise.all(results);
  };
  const buffered = async (count: number) => {
    for (let index = 0; index < count; index++) reader?.message(index, 1);
    return Promise.all(Array.from({ length: count }, () => engine.next()));
  };
  expect(await oldOnes(asked)).toBeLessThan(ROUNDS / 100);
  expect(await oldOnes(buffered)).toBeLessThan(ROUNDS / 100);
  await engine.close();
});
