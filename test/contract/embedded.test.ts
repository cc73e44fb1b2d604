import { afterAll } from "@jest/globals";
import { startBroker } from "kubemq-es/testing";
import { testContract } from "./contract.js";
import { connectTransport } from "./exceptions.js";
import { Server } from "./world.js";

// Not in a beforeAll: concurrent tests may begin before it.
const broker = await startBroker();
afterAll(() => broker.close());

const exceptions = process.env["KUBEMQ_ES_TRANSPORT"] === "stock" ? connectTransport : {};
// A call behind a subscription always finds it here: 20 rounds are enough. A server may lose a race in each of 100.
testContract(new Server("the embedded broker", broker.address, 20), exceptions);
