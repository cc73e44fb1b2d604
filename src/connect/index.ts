export { kubemqTransport } from "./transport.js";
export { serve } from "./serve.js";
export type { KubeMQTransportOptions, MessageOptions, RouteOptions, ServeOptions } from "./options.js";
