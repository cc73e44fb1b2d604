import { credentials, status } from "@grpc/grpc-js";
import type { ChannelOptions } from "@grpc/grpc-js";
import { kubemqClient, Subscribe_EventsStoreType, Subscribe_SubscribeType } from "../grpc-js/gen/kubemq.js";
import type { EventReceive, QueuesDownstreamResponse, Result } from "../grpc-js/gen/kubemq.js";
import { WINDOW } from "../loads.js";
import { bodyOf, byPort, CHANNEL, CLIENT_ID, eventOf, PollLoop, repeat } from "./contestant.js";
import type { Contestant } from "./contestant.js";

const limits: ChannelOptions = { "grpc.max_receive_message_length": 104_857_600 };
const tuning: ChannelOptions = {
  ...limits,
  "grpc-node.flow_control_window": 1024 * 1024,
  "grpc.enable_retries": 0,
  "grpc.enable_channelz": 0,
};

const subscription = {
  SubscribeTypeData: Subscribe_SubscribeType.Events,
  ClientID: CLIENT_ID,
  Channel: CHANNEL,
  Group: "",
  EventsStoreTypeData: Subscribe_EventsStoreType.EventsStoreTypeUndefined,
  EventsStoreTypeValue: 0n,
};

/** @grpc/grpc-js with code that ts-proto has generated. */
export function grpcJs({ tuned }: { tuned: boolean }): Contestant {
  const clientOf = byPort(
    (port) => new kubemqClient(`127.0.0.1:${port}`, credentials.createInsecure(), tuned ? tuning : limits),
  );
  return {
    receive(port, count) {
      return new Promise((resolve, reject) => {
        const call = clientOf(port).subscribeToEvents(subscription);
        let received = 0;
        let bytes = 0;
        call.on("data", (event: EventReceive) => {
          bytes += event.Body.length;
          if (++received !== count) return;
          call.cancel();
          if (bytes > 0) resolve();
          else reject(new Error("no bodies"));
        });
        call.on("error", (error) => {
          if (received < count) reject(error);
        });
      });
    },

    send(port, size, count, answered) {
      return new Promise((resolve, reject) => {
        const call = clientOf(port).sendEventsStream();
        const body = bodyOf(size);
        let sent = 0;
        let received = 0;
        let full = false;
        const mayGoOn = () => !answered || sent - received < WINDOW;
        const pump = () => {
          while (!full && sent < count && mayGoOn()) full = !call.write(eventOf(sent++, body));
          if (sent === count) call.end();
        };
        call.on("drain", () => {
          full = false;
          pump();
        });
        call.on("data", (_result: Result) => {
          received++;
          if (sent < count) pump();
        });
        call.on("error", reject);
        call.on("end", () => (answered && received !== count ? reject(new Error("results are missing")) : resolve()));
        pump();
      });
    },

    unary(port, count, atOnce) {
      const client = clientOf(port);
      const call = () =>
        new Promise<void>((resolve, reject) => {
          client.ping({}, (error) => (error === null ? resolve() : reject(error)));
        });
      return repeat(count, atOnce, call);
    },

    poll(port, count) {
      return new Promise((resolve, reject) => {
        const call = clientOf(port).queuesDownstream();
        // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the same numbers in the enums of two generators
        const loop = new PollLoop(count, (request) => void call.write(request));
        call.on("data", (answer: QueuesDownstreamResponse) => {
          if (!loop.onAnswer(answer)) return;
          call.cancel();
          resolve(loop.times);
        });
        call.on("error", (error: Error & { readonly code?: number }) => {
          if (error.code !== status.CANCELLED) reject(error);
        });
        loop.start();
      });
    },
  };
}
