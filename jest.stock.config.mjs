import base from "./jest.config.mjs";

// For the workers and test/support/bundle-sources.mjs.
process.env["KUBEMQ_ES_TRANSPORT"] = "stock";

/** Folders whose tests make calls with the client. */
const folders = [
  "connection",
  "contract",
  "events",
  "queues",
  "reliability",
  "requests",
  "rpc",
  "stream",
  "tracing",
  "typed-channels",
];

/**
 * Tests on Connect's own transport, the reference implementation. The promises that it does not
 * keep are in test/contract/exceptions.ts, and the run fails if it keeps one of them after all.
 */
export default {
  ...base,
  testMatch: folders.map((folder) => `<rootDir>/test/${folder}/**/!(*.slow).test.ts`),
  testPathIgnorePatterns: [
    "/node_modules/",
    "test/connection/invalid-text", // Connect's transport refuses strings that are not UTF-8
    "test/reliability/fuzz", // in processes of their own, which always use this package's transport
  ],
  reporters: ["default", "<rootDir>/test/support/exceptions-reporter.mjs"],
};
