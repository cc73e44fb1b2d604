import type { Codec } from "../api/codec.js";
import { refuse } from "../support/checks.js";

/** Refuses anything but a codec: without one, a contract would not say what its bodies are. */
export function checkCodec(operation: string, channel: unknown, name: string, codec: unknown): void {
  const { encode, decode } = (codec ?? {}) as Partial<Codec<unknown>>;
  if (typeof encode === "function" && typeof decode === "function") return; // promise: contract-needs-codec
  throw refuse(
    { operation, ...(typeof channel === "string" ? { channel } : {}) },
    `${name} must be a codec, such as json(), text or bytes`,
  );
}
