import { create } from "@bufbuild/protobuf";
import type { Transport as ConnectTransport } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import { EventSchema, kubemq, QueuesDownstreamRequestSchema } from "../../gen/kubemq_pb.js";
import type { Event, QueuesDownstreamRequest } from "../../gen/kubemq_pb.js";
import { batchesOf, Connector, createTransport, sessionSettings, type Transport } from "../../src/transport/index.js";
import { overConnect } from "../../test/support/connect-streams.js";
import { createStockTransport } from "../../test/support/stock-transport.js";
import { kubemqCodecs } from "../../gen/kubemq_codec.js";
import { Uplink } from "../../src/stream/send/uplink.js";
import { WINDOW } from "../loads.js";
import { bodyOf, byPort, CHANNEL, eventOf, plainBody, PollLoop, queueMessageOf, repeat } from "./contestant.js";
import type { Contestant } from "./contestant.js";

const { subscribeToEvents, sendEventsStream, queuesDownstream, ping, sendEvent, sendQueueMessage } = kubemq.method;

type OfSession<T> = (options: { sessionManager: Connector }) => T;

const connections = <T>(transportOf: OfSession<T>) =>
  byPort((port) => {
    const sessions = new Http2SessionManager(`http://127.0.0.1:${port}`, undefined, sessionSettings());
    return transportOf({ sessionManager: new Connector(sessions) });
  });

async function* one<T>(message: T): AsyncGenerator<T> {
  yield message;
}

const pollsOver = (transportTo: (port: number) => Transport): Contestant["poll"] => {
  return async (port, count) => {
    const uplink = new Uplink<QueuesDownstreamRequest>();
    const answers = batchesOf(transportTo(port).open(queuesDownstream, uplink));
    const loop = new PollLoop(count, (request) => void uplink.send(create(QueuesDownstreamRequestSchema, request)));
    loop.start();
    answers: for await (const batch of answers) {
      for (const answer of batch) if (loop.onAnswer(answer)) break answers;
    }
    return loop.times;
  };
};

const unaryOver = (transportTo: (port: number) => Pick<Transport, "unary">): Contestant["unary"] => {
  return (port, count, atOnce) => {
    const transport = transportTo(port);
    return repeat(count, atOnce, () => transport.unary(ping, undefined, 10_000, undefined, {}));
  };
};

const plainOver = (transportTo: (port: number) => Pick<Transport, "unary">): Contestant["plain"] => {
  return (port, pattern, count, atOnce) => {
    const transport = transportTo(port);
    let sent = 0;
    const queueMessage = () =>
      transport.unary(sendQueueMessage, undefined, 10_000, undefined, queueMessageOf(sent++, plainBody));
    const storedEvent = () => {
      const event = { ...eventOf(sent++, plainBody), Store: true };
      return transport.unary(sendEvent, undefined, 10_000, undefined, event);
    };
    return repeat(count, atOnce, pattern === "queue" ? queueMessage : storedEvent);
  };
};

/** This package's transport, codec and uplink, without the patterns above them. */
export function ownTransport(): Contestant {
  const transportTo = connections((options) => createTransport({ ...options, codecs: kubemqCodecs }));
  return {
    async receive(port, count) {
      const request = one({ Channel: CHANNEL });
      let received = 0;
      let bytes = 0;
      for await (const events of batchesOf(transportTo(port).open(subscribeToEvents, request))) {
        for (const event of events) bytes += event.Body.length;
        received += events.length;
        if (received >= count) break;
      }
      if (bytes === 0) throw new Error("no bodies");
    },

    async send(port, size, count, answered) {
      const uplink = new Uplink<Event>(WINDOW);
      const answers = batchesOf(transportTo(port).open(sendEventsStream, uplink));
      const body = bodyOf(size);
      const event = (n: number): Event => ({ $typeName: EventSchema.typeName, ...eventOf(n, body) });
      let sent = 0;
      let received = 0;
      const pump = () => {
        while (sent < count && sent - received < WINDOW) {
          void uplink.send(event(sent++));
        }
        if (sent === count) uplink.close();
      };
      if (answered) pump();
      else {
        while (sent < count) await uplink.send(event(sent++));
        uplink.close();
      }
      for await (const results of answers) {
        received += results.length;
        pump();
      }
      if (answered && received !== count) throw new Error(`${received} of ${count} results`);
    },

    unary: unaryOver(transportTo),
    plain: plainOver(transportTo),
    poll: pollsOver(transportTo),
  };
}

/** Connect's own transport, used as documented. */
export function stockConnect(): Contestant {
  const transportTo = connections<ConnectTransport>(createStockTransport);
  return {
    async receive(port, count) {
      const controller = new AbortController();
      const request = one({ Channel: CHANNEL });
      const response = await transportTo(port).stream(subscribeToEvents, controller.signal, 0, undefined, request);
      let received = 0;
      let bytes = 0;
      for await (const event of response.message) {
        bytes += event.Body.length;
        if (++received === count) break;
      }
      controller.abort();
      if (bytes === 0) throw new Error("no bodies");
    },

    async send(port, size, count, answered) {
      const body = bodyOf(size);
      let received = 0;
      let onAnswer = () => {};
      const mustWait = (sent: number) => answered && sent - received >= WINDOW;
      async function* events() {
        for (let sent = 0; sent < count; sent++) {
          if (mustWait(sent)) await new Promise<void>((resolve) => (onAnswer = resolve));
          yield create(EventSchema, eventOf(sent, body));
        }
      }
      const response = await transportTo(port).stream(sendEventsStream, undefined, 0, undefined, events());
      for await (const _result of response.message) {
        received++;
        onAnswer();
      }
      if (answered && received !== count) throw new Error(`${received} of ${count} results`);
    },

    unary: unaryOver(transportTo),
    plain: plainOver(transportTo),
    poll: pollsOver((port) => overConnect(transportTo(port))),
  };
}
