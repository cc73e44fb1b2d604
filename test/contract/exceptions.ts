import { promisesOf } from "./promises/index.js";
import { invalidText } from "./promises/invalid-text.js";
import { leases } from "./promises/leases.js";

/** Promises that a server cannot keep, each with the reason, as documents print it. */
export type Exceptions = Readonly<Record<string, string>>;

/** KubeMQ community v2.4.0, and the community profile of the embedded broker. */
export const community: Exceptions = {
  "the second answer to a query with a cache key comes from the server's cache":
    "Open-source servers check the cache key and cache nothing.",
  "channels can be created, listed and deleted": "Open-source servers do not answer requests to manage channels.",
};

/** The newest profile of the embedded broker. */
export const newest: Exceptions = Object.fromEntries(
  promisesOf(leases).map((promise) => [promise, "The newest servers have no StreamQueueMessage."]),
);

/** What only this package's transport does: the suite's second run, `npm run test:stock`. */
export const connectTransport: Exceptions = Object.fromEntries(
  promisesOf(invalidText).map((promise) => [promise, "Connect's transport refuses strings that are not UTF-8."]),
);

/** Promises that KubeMQ community v2.4.0 breaks now and then, by races of its own. The embedded broker keeps them. */
export const communityRaces: Exceptions = {
  "leased messages come in the order of their queue":
    "Each lease is a member of the queue, and the next one can begin before the server has ended the one before.",
  "a leased message that is rejected goes to the end of its queue and counts its deliveries":
    "Each lease is a member of the queue, and the next one can begin before the server has ended the one before.",
};
