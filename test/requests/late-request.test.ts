import { expect, test } from "@jest/globals";
import { ReceivedRequest } from "../../src/requests/received-request.js";
import type { Clock } from "../../src/support/time/clock.js";
import { rejection } from "../support/until.js";

test("a response after the signal has aborted is refused, although the timer fired early", async () => {
  let nowMs = 0;
  let fire = () => {};
  const clock: Clock = {
    now: () => nowMs,
    setTimer: (_, run) => {
      fire = run;
      return () => {};
    },
  };
  const sent: string[] = [];
  const send = async (operation: string) => void sent.push(operation);
  const parts = {
    id: "1",
    channel: "door",
    body: new Uint8Array(),
    metadata: "",
    tags: {},
    hasInvalidText: false,
    clientId: "requester",
    timeoutMs: 2_000,
    span: undefined,
    cacheKey: undefined,
    replyTo: "reply",
  };
  const request = new ReceivedRequest(parts, undefined, { kind: "commands", clock, send });
  const { signal } = request;
  nowMs = 1_999.4; // Node.js drops the fraction of a delay
  fire();
  expect(signal.aborted).toBe(true);
  expect(await rejection(request.answer("respond", () => ({}), undefined))).toMatchObject({ code: "TIMEOUT" });
  expect(sent).toEqual([]);
});
