export { RecentMessages } from "./recent-messages.js";
export { servePage } from "./serve.js";
export type { Page } from "./serve.js";
