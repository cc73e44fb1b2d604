/** Promises that a server cannot keep, each with the reason, as documents print it. */
export type Exceptions = Readonly<Record<string, string>>;

/** KubeMQ community v2.4.0, and the community profile of the embedded broker. */
export const community: Exceptions = {
  "the second answer to a query with a cache key comes from the server's cache":
    "Open-source servers check the cache key and cache nothing.",
  "channels can be created, listed and deleted": "Open-source servers do not answer requests to manage channels.",
};
