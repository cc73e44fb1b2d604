import { availableParallelism } from "node:os";
import { bundled } from "./test/support/bundle-sources.mjs";

/** Tests run on the TypeScript sources as native ES modules; swc only strips types. The sources are bundled. */
export default {
  testEnvironment: "<rootDir>/test/support/environment.mjs",
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
    ...bundled,
    "^(\\.{1,2}/.*)\\.js$": "$1",
  },
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/\\.programs-", "<rootDir>/\\.test-sources/"],
  globalSetup: "<rootDir>/test/support/compile-programs.mjs",
  testSequencer: "<rootDir>/test/support/longest-first.mjs",
  // Files wait for a third of their time.
  maxWorkers: availableParallelism() + 2,
  // On a busy machine a worker that has nothing left to do needs longer than the 500 ms of the default to end.
  workerGracefulExitTimeout: 10_000,
  testTimeout: 60_000,
};
