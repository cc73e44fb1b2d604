import { expect, test } from "@jest/globals";
import { getEventListeners } from "node:events";
import { onAbort } from "../../src/support/abort.js";

const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

test("many watchers of one signal share one listener, and none remains when all have stopped", () => {
  const stop = new AbortController();
  const seen: number[] = [];
  const unwatch = Array.from({ length: 50 }, (_, n) => onAbort(stop.signal, () => seen.push(n)));
  expect(listeners(stop.signal)).toBe(1);
  for (const n of [3, 30]) unwatch[n]?.();
  expect(listeners(stop.signal)).toBe(1);
  stop.abort();
  expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => n).filter((n) => n !== 3 && n !== 30));
  expect(listeners(stop.signal)).toBe(0);
  for (const stopWatching of unwatch) stopWatching();
  stop.abort();
  expect(seen.length).toBe(48);

  const other = new AbortController();
  const both = [onAbort(other.signal, () => {}), onAbort(other.signal, () => {})];
  for (const stopWatching of both) stopWatching();
  for (const stopWatching of both) stopWatching();
  expect(listeners(other.signal)).toBe(0);
});

test("a function that watches twice is called twice", () => {
  const stop = new AbortController();
  let calls = 0;
  const watcher = () => void (calls += 1);
  onAbort(stop.signal, watcher);
  const unwatch = onAbort(stop.signal, watcher);
  onAbort(stop.signal, watcher);
  unwatch();
  stop.abort();
  expect(calls).toBe(2);
});

test("an aborted signal calls at once, and a missing signal never", () => {
  let calls = 0;
  onAbort(AbortSignal.abort(), () => void (calls += 1));
  onAbort(undefined, () => void (calls += 1));
  expect(calls).toBe(1);
});

test("a watcher that starts another while it is called does not disturb the others", () => {
  const stop = new AbortController();
  const seen: string[] = [];
  onAbort(stop.signal, () => {
    seen.push("first");
    onAbort(stop.signal, () => seen.push("second"));
  });
  stop.abort();
  expect(seen).toEqual(["first", "second"]);
});
