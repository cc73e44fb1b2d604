import { credentials } from "@grpc/grpc-js";
import type { ChannelOptions } from "@grpc/grpc-js";
import type { Contestant } from "../contestant.js";
import { kubemqClient, Subscribe_EventsStoreType, Subscribe_SubscribeType } from "../grpc-js/gen/kubemq.js";
import type { EventReceive, Result } from "../grpc-js/gen/kubemq.js";
import { WINDOW } from "../loads.js";
import { eventOf } from "./connect.js";

const limits: ChannelOptions = { "grpc.max_receive_message_length": 104_857_600 };
const tuning: ChannelOptions = {
  ...limits,
  "grpc-node.flow_control_window": 1024 * 1024,
  "grpc.enable_retries": 0,
  "grpc.enable_channelz": 0,
};

/** @grpc/grpc-js with code that ts-proto has generated. */
export function grpcJs({ tuned }: { tuned: boolean }): Contestant {
  const clients = new Map<number, kubemqClient>();
  const clientOf = (port: number) => {
    let client = clients.get(port);
    if (client === undefined) {
      client = new kubemqClient(`127.0.0.1:${port}`, credentials.createInsecure(), tuned ? tuning : limits);
      clients.set(port, client);
    }
    return client;
  };
  return {
    receive(port, count) {
      return new Promise((resolve, reject) => {
        const call = clientOf(port).subscribeToEvents({
          SubscribeTypeData: Subscribe_SubscribeType.Events,
          ClientID: "bench-client",
          Channel: "c",
          Group: "",
          EventsStoreTypeData: Subscribe_EventsStoreType.EventsStoreTypeUndefined,
          EventsStoreTypeValue: 0n,
        });
        let received = 0;
        let bytes = 0;
        call.on("data", (event: EventReceive) => {
          bytes += event.Body.length;
          if (++received !== count) return;
          call.cancel();
          if (bytes > 0) resolve();
        });
        call.on("error", (error) => {
          if (received < count) reject(error);
        });
      });
    },

    send(port, size, count, answered) {
      return new Promise((resolve, reject) => {
        const call = clientOf(port).sendEventsStream();
        const body = Buffer.alloc(size, 97);
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

    async unary(port, count, atOnce) {
      const client = clientOf(port);
      let left = count;
      const call = () =>
        new Promise<void>((resolve, reject) => {
          client.ping({}, (error) => (error === null ? resolve() : reject(error)));
        });
      const worker = async () => {
        while (left-- > 0) await call();
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    },
  };
}
