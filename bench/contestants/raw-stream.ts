import { create, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { EventSchema, QueuesUpstreamRequestSchema } from "../../gen/kubemq_pb.js";
import type { PlainPattern } from "../loads.js";
import { byPort, eventOf, MAY_LOSE, plainBody, queueMessageOf } from "./contestant.js";
import type { Contestant } from "./contestant.js";
import { connectTo, envelope, openOn, raw } from "./raw.js";

/** Time without an answer after which a request is sent again, in milliseconds. */
const LOST_MS = 1_000;

/**
 * The least that a plain send costs on node:http2: the same prepared request again and again, over
 * one stream, without ids, checks or time-outs. Each answer is counted and not decoded.
 */
export function rawStream(): Contestant {
  const roundsOn = {
    queue: byPort((port) => roundsOver(port, "QueuesUpstream", QueuesUpstreamRequestSchema, queueRequest)),
    store: byPort((port) => roundsOver(port, "SendEventsStream", EventSchema, storedEvent)),
  } satisfies Record<PlainPattern, unknown>;
  return { ...raw(), plain: (port, pattern, count) => roundsOn[pattern](port)(count) };
}

const queueRequest = { RequestID: "request-1", Messages: [queueMessageOf(1, plainBody)] };

const storedEvent = { ...eventOf(1, plainBody), Store: true };

/** Opens a stream. Returns a function that sends requests one at a time. */
function roundsOver<I extends DescMessage>(port: number, method: string, schema: I, request: MessageInitShape<I>) {
  const stream = openOn(connectTo(port), method);
  const bytes = envelope(toBinary(schema, create(schema, request)));
  let answered = () => {};
  stream.on("data", () => answered());
  return (count: number): Promise<void> =>
    new Promise((resolve, reject) => {
      let left = count;
      let lost = 0;
      const send = () => {
        stream.write(bytes);
      };
      let leftBefore = left;
      const watch = setInterval(() => {
        if (left === leftBefore && ++lost > MAY_LOSE) reject(new Error("the server does not answer"));
        else if (left === leftBefore) send();
        leftBefore = left;
      }, LOST_MS);
      answered = () => {
        left -= 1;
        if (left > 0) return send();
        clearInterval(watch);
        resolve();
      };
      send();
    });
}
