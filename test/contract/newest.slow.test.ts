import { afterAll } from "@jest/globals";
import { startBroker } from "kubemq-es/testing";
import { testContract } from "./contract.js";
import { newest } from "./exceptions.js";
import { Server } from "./world.js";

// Not in a beforeAll: concurrent tests may begin before it.
const broker = await startBroker({ profile: "newest", seed: 20 });
afterAll(() => broker.close());

testContract(new Server("the newest profile of the embedded broker", broker.address, 20), newest);
