import { startBroker, type BrokerOptions } from "kubemq-es/testing";
import { offer } from "../support/child.js";

/** A broker in a separate process, controlled by its parent over IPC. */
const broker = await startBroker(JSON.parse(process.argv[2] ?? "{}") as BrokerOptions);
offer(broker, { port: broker.port });
