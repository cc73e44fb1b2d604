import type { Decoder } from "../../api/codec.js";
import { HeldDelivery } from "../delivery.js";
import type { WireQueueMessage } from "../wire.js";
import type { HeldMessage } from "../transactions/held.js";

/** A message of an open transaction. */
export class OpenDelivery<T> extends HeldDelivery<T> {
  readonly #held: HeldMessage;

  constructor(wire: WireQueueMessage, codec: Decoder<T> | undefined, held: HeldMessage) {
    super(wire, codec, held);
    this.#held = held;
  }

  static heldOf(delivery: OpenDelivery<unknown>): HeldMessage {
    return delivery.#held;
  }
}
