import type { Transport } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import { kubemq } from "../../gen/kubemq_pb.js";
import {
  batchesOf,
  createFastTransport,
  createStockTransport,
  sessionSettings,
} from "../../src/internal/transport/index.js";
import { Uplink } from "../../src/internal/uplink.js";
import type { Contestant } from "../contestant.js";
import { WINDOW } from "../loads.js";

const { subscribeToEvents, sendEventsStream, ping } = kubemq.method;

async function* one<T>(message: T): AsyncGenerator<T> {
  yield message;
}

/** Our transport, its codec and its uplink. */
export function ours(): Contestant {
  const transportTo = connections(createFastTransport);
  return {
    async receive(port, count) {
      const response = await transportTo(port).stream(
        subscribeToEvents,
        undefined,
        0,
        undefined,
        one({ Channel: "c" }),
      );
      const batches = batchesOf(response.message)[Symbol.asyncIterator]();
      let received = 0;
      let bytes = 0;
      while (received < count) {
        const result = await batches.next();
        if (result.done === true) throw new Error("ended early");
        for (const event of result.value) bytes += event.Body.length;
        received += result.value.length;
      }
      await batches.return?.();
      if (bytes === 0) throw new Error("no bodies");
    },

    async send(port, size, count, answered) {
      const uplink = new Uplink<ReturnType<typeof eventOf<Uint8Array>>>(WINDOW);
      const response = await transportTo(port).stream(sendEventsStream, undefined, 0, undefined, uplink);
      const body = new Uint8Array(size).fill(97);
      let sent = 0;
      let received = 0;
      const pump = () => {
        while (sent < count && sent - received < WINDOW) void uplink.send(eventOf(sent++, body));
        if (sent === count) uplink.close();
      };
      if (answered) pump();
      else {
        while (sent < count) await uplink.send(eventOf(sent++, body));
        uplink.close();
      }
      for await (const results of batchesOf(response.message)) {
        received += results.length;
        pump();
      }
      if (answered && received !== count) throw new Error(`${received} of ${count} results`);
    },

    unary: unaryOver(transportTo),
  };
}

/** Connect's own transport, used as its documentation says. */
export function stock(): Contestant {
  const transportTo = connections(createStockTransport);
  return {
    async receive(port, count) {
      const controller = new AbortController();
      const response = await transportTo(port).stream(
        subscribeToEvents,
        controller.signal,
        0,
        undefined,
        one({ Channel: "c" }),
      );
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
      const body = new Uint8Array(size).fill(97);
      let received = 0;
      let onAnswer = () => {};
      const mustWait = (sent: number) => answered && sent - received >= WINDOW;
      async function* events() {
        for (let sent = 0; sent < count; sent++) {
          if (mustWait(sent)) await new Promise<void>((resolve) => (onAnswer = resolve));
          yield eventOf(sent, body);
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
  };
}

function unaryOver(transportTo: (port: number) => Transport): Contestant["unary"] {
  return async (port, count, atOnce) => {
    const transport = transportTo(port);
    let left = count;
    const worker = async () => {
      while (left-- > 0) await transport.unary(ping, undefined, 10_000, undefined, {});
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  };
}

export function eventOf<T extends Uint8Array>(n: number, body: T) {
  return {
    EventID: `event-${n}`,
    ClientID: "bench-client",
    Channel: "bench.events",
    Metadata: "",
    Body: body,
    Store: false,
    Tags: {},
  };
}

function connections(
  create: (options: { sessionManager: Http2SessionManager }) => Transport,
): (port: number) => Transport {
  const transports = new Map<number, Transport>();
  return (port) => {
    let transport = transports.get(port);
    if (transport === undefined) {
      const sessionManager = new Http2SessionManager(`http://127.0.0.1:${port}`, undefined, sessionSettings());
      transport = create({ sessionManager });
      transports.set(port, transport);
    }
    return transport;
  };
}
