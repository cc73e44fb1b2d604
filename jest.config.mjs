/** The suite's second run: every client on Connect's own transport, the reference that ours is compared with. */
const stockTransport =
  process.env["KUBEMQ_ES_TRANSPORT"] === "stock"
    ? { "^\\.\\./transport/index\\.js$": "<rootDir>/test/support/suite-transport.ts" }
    : {};

/** Tests run on the TypeScript sources as native ES modules; swc only strips types. */
export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  // *.slow.test.ts: npm run test:slow
  testMatch: ["<rootDir>/test/**/!(*.slow).test.ts", "<rootDir>/examples/*.test.ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript", explicitResourceManagement: true }, target: "es2022" },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  moduleNameMapper: {
    ...stockTransport,
    "^kubemq-es$": "<rootDir>/src/index.ts",
    "^kubemq-es/testing$": "<rootDir>/src/broker/index.ts",
    "^kubemq-es/connect$": "<rootDir>/src/connect/index.ts",
    "^kubemq-es/opentelemetry$": "<rootDir>/src/opentelemetry.ts",
    "^kubemq-es/contracts$": "<rootDir>/src/contracts/index.ts",
    "^kubemq-es/codec$": "<rootDir>/src/payload/index.ts",
    "^kubemq-es/protobuf$": "<rootDir>/src/payload/protobuf.ts",
    "^kubemq-es/gen$": "<rootDir>/gen/kubemq_pb.ts",
    "^(\\.{1,2}/.*)\\.js$": "$1",
  },
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/\\.programs-"],
  globalSetup: "<rootDir>/test/support/compile-programs.mjs",
  maxWorkers: "100%",
  testTimeout: 20_000,
};
