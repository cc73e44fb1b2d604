/** Runs the embedded broker in a separate process. */
import { startBroker } from "../src/broker/index.js";

const broker = await startBroker({ port: 0 });
process.on("message", () => process.send?.(process.cpuUsage()));
process.on("disconnect", () => process.exit());
process.send?.(broker.address);
