import type { Codec } from "../api/codec.js";
import { refuse } from "../support/checks.js";
import { checkKnown } from "../support/names/known.js";

/** Refuses anything but the named codecs: a misspelt one would be missing. */
export function checkCodecs(operation: string, channel: unknown, codecs: unknown, names: readonly string[]): void {
  const subject = { operation, ...(typeof channel === "string" ? { channel } : {}) };
  if (typeof codecs !== "object" || codecs === null) {
    throw refuse(subject, `${operation} takes its codecs as an object: { ${names.join(", ")} }`);
  }
  checkKnown(subject, "", codecs, names);
  for (const name of names) checkCodec(operation, channel, name, (codecs as Readonly<Record<string, unknown>>)[name]);
}

/** Refuses anything but a codec, because a contract without one does not define its bodies. */
export function checkCodec(operation: string, channel: unknown, name: string, codec: unknown): void {
  const { encode, decode } = (codec ?? {}) as Partial<Codec<unknown>>;
  if (typeof encode === "function" && typeof decode === "function") return; // promise: contract-needs-codec
  throw refuse(
    { operation, ...(typeof channel === "string" ? { channel } : {}) },
    `${name} must be a codec, such as json(), text or bytes`,
  );
}
