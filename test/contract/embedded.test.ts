import { afterAll } from "@jest/globals";
import { startBroker } from "kubemq-es/testing";
import { testContract } from "./contract.js";
import { Server } from "./world.js";

// Not in a beforeAll: concurrent tests may begin before it.
const broker = await startBroker();
afterAll(() => broker.close());

testContract(new Server("the embedded broker", broker.address));
