import type { Suite } from "../suite.js";
import { channels } from "./channels.js";
import { connection } from "./connection.js";
import { events } from "./events.js";
import { invalidText } from "./invalid-text.js";
import { leases } from "./leases.js";
import { queues } from "./queues.js";
import { requests } from "./requests.js";
import { settling } from "./settling.js";
import { stopping } from "./stopping.js";
import { store } from "./store.js";

/** All promises, in the order in which documents print them. */
export const suites: readonly Suite[] = [
  events,
  store,
  requests,
  queues,
  settling,
  leases,
  channels,
  connection,
  stopping,
  invalidText,
];

/** The sentences of all promises. */
export function promiseNames(): string[] {
  return suites.flatMap(promisesOf);
}

/** The sentences of the promises of one part. */
export function promisesOf({ promises, alone = {} }: Suite): string[] {
  return [...Object.keys(promises), ...Object.keys(alone)];
}
