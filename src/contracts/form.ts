import type { Codec } from "../api/codec.js";
import type { ChannelKind } from "../api/server.js";

/** A registered symbol: contracts of another copy of this package are contracts here too. */
export const form: unique symbol = Symbol.for("kubemq-es.contract"); // promise: contract-of-other-copy

/** What a contract can be used for: a pattern only subscribes, and a template does neither. */
export type Form = "contract" | "pattern" | "template";

/** A contract, a pattern or a template of any kind. */
export interface AnyContract {
  readonly [form]: Form;
  readonly kind: ChannelKind;
  readonly name: string;
  readonly codec?: Codec<unknown>;
  readonly request?: Codec<unknown>;
  readonly response?: Codec<unknown>;
  message?(value: unknown): unknown;
}

export function isContract(value: unknown): value is AnyContract {
  return (value as Partial<AnyContract> | undefined | null)?.[form] !== undefined;
}
