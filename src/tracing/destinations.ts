import type { Operation } from "../api/telemetry.js";
import type { OpenTelemetryOptions } from "./options.js";

/** Returns the template of an operation's channel, if it has one. */
export type TemplateOf = (operation: Operation) => string | undefined;

export function templateOf({ destinationTemplates: given = [] }: OpenTelemetryOptions): TemplateOf {
  const find =
    typeof given === "function"
      ? given
      : (channel: string) => given.find((each) => each.parse(channel) !== undefined)?.template;
  return ({ channel, pattern, subscribedTo }) => {
    if (channel === undefined) return undefined;
    return find(channel, pattern) ?? (subscribedTo === channel ? undefined : subscribedTo);
  };
}
