import base from "./jest.config.mjs";

/** Tests that measure time or fill memory: one file at a time, on a machine that does nothing else. */
export default {
  ...base,
  testMatch: ["<rootDir>/test/**/*.slow.test.ts"],
  maxWorkers: 1,
};
