import type { StreamOptions } from "../../api/message.js";

/** The options of a sender. */
export interface SenderOptions extends StreamOptions {
  readonly operation: string;
  /**
   * The start of a send's time-out: the call, or the write to the stream. Publishers use the write,
   * because they accept more messages than a connection can transmit.
   */
  readonly timedFrom: "acceptance" | "transmission";
  /** Sends a message again when its stream is lost before the answer. */
  readonly resend: boolean;
  /** How long an unused stream stays open, in milliseconds. Default: until the sender is closed. */
  readonly lingerMs?: number;
}
