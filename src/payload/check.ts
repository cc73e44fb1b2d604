import type { Codec } from "../api/codec.js";
import { KubeMQError } from "../api/errors.js";

/** Checks of the arguments of codecs. Small, because bundles for browsers contain them. */

/**
 * Refuses options that a codec does not have: a misspelt one would have no effect.
 *
 * @param hint - what else may be given in the place of the options
 * @throws {KubeMQError} INVALID_ARGUMENT for another option, or no object
 */
export function checkOptions(codec: string, options: unknown, known: readonly string[], hint = ""): void {
  if (typeof options !== "object" || options === null) {
    throw new KubeMQError("INVALID_ARGUMENT", `options of ${codec} must be an object${hint}, got ${String(options)}`);
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new KubeMQError(
    "INVALID_ARGUMENT",
    `unknown option ${JSON.stringify(unknown)}: the options of ${codec} are ${known.join(", ")}${hint}`,
  );
}

/** @throws {KubeMQError} INVALID_ARGUMENT for anything but a codec */
export function checkCodec(outer: string, codec: Codec<never> | undefined): void {
  if (typeof codec?.encode === "function" && typeof codec.decode === "function") return;
  throw new KubeMQError("INVALID_ARGUMENT", `${outer} takes a codec, such as json(), text or bytes`);
}
