import { afterAll } from "@jest/globals";
import { startBroker } from "kubemq-es/testing";
import { testContract } from "./contract.js";
import { community } from "./exceptions.js";
import { Server } from "./world.js";

// Not in a beforeAll: concurrent tests may begin before it.
const broker = await startBroker({ profile: "community", seed: 20 });
afterAll(() => broker.close());

testContract(new Server("the community profile of the embedded broker", broker.address), community);
