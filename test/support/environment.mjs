// Runs each test in an AsyncLocalStorage of jest, one for each file. Up to Node.js 22, every promise of a process
// carries the values of all of them, also of files that have ended: each file made the next ones slower.
import { AsyncLocalStorage } from "node:async_hooks";
import { TestEnvironment } from "jest-environment-node";

const entered = new Set();

for (const name of ["run", "enterWith"]) {
  const enter = AsyncLocalStorage.prototype[name];
  AsyncLocalStorage.prototype[name] = function (...args) {
    entered.add(this);
    return enter.apply(this, args);
  };
}

export default class Environment extends TestEnvironment {
  async teardown() {
    await super.teardown();
    for (const storage of entered) storage.disable();
    entered.clear();
  }
}
