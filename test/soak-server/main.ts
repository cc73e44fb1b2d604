import { parseArgs } from "node:util";
import type { FaultPlan } from "./faults.js";
import { reconcileQueue } from "./queue.js";
import { reconcileStore } from "./store.js";

/**
 * `npm run soak:server -- --address host:port [--count 50000] [--reset-ms 200] [--restarts 3 --restart "COMMAND"]`: a store and a
 * queue of a running server under connection resets and, with a command that kills the server and starts it again, crashes. Prints
 * what was lost or doubled, and by whom, as raw calls on a connection of their own count it.
 */
const { values } = parseArgs({
  options: {
    address: { type: "string" },
    count: { type: "string", default: "50000" },
    "reset-ms": { type: "string", default: "200" },
    restart: { type: "string" },
    restarts: { type: "string", default: "3" },
    only: { type: "string", default: "" },
  },
});
const { address, restart, only } = values;
if (address === undefined) throw new Error("which server? npm run soak:server -- --address host:port");
const plan: FaultPlan = { address, restart, resetMs: Number(values["reset-ms"]), restarts: Number(values.restarts) };
const count = Number(values.count);
if (only !== "queue") console.log((await reconcileStore(plan, count)).join("\n"));
if (only !== "store") console.log((await reconcileQueue(plan, count)).join("\n"));
