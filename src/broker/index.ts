export { ManualClock, systemClock } from "./clock.js";
export type { Cancel, Clock } from "./clock.js";
export type { Faults, StreamEnd, StreamReset } from "./faults.js";
export type { Held, HeldMessages } from "./memory.js";
export type { BrokerOptions } from "./options.js";
export type { Quirks } from "./quirks.js";
export { startBroker } from "./server.js";
export type { Broker, BrokerStats } from "./server.js";
