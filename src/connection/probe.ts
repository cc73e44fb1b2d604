import { onAbort } from "../support/abort.js";
import type { Clock } from "../support/clock.js";
import { setImmediate } from "../support/timers.js";

/** How long to wait before the ping behind a stream is sent again, should only the ping have failed. */
const AGAIN_MS = 1_000;

/** Pings behind requests to which a server may be silent. One ping answers for all who asked before it was sent. */
export class Probe {
  readonly #clock: Clock;
  readonly #ping: () => Promise<unknown>;
  readonly #goesOn: () => boolean;
  #sending: Promise<void> | undefined;

  /** @param goesOn whether another ping may be sent after one that failed */
  constructor(clock: Clock, ping: () => Promise<unknown>, goesOn: () => boolean) {
    this.#clock = clock;
    this.#ping = ping;
    this.#goesOn = goesOn;
  }

  /** Resolves when the server has answered a ping sent after now, which is sent again while the stream lives. */
  async ask(stream: AbortSignal): Promise<void> {
    for (;;) {
      try {
        this.#sending ??= this.#send();
        return await this.#sending;
      } catch (error) {
        if (stream.aborted || !this.#goesOn()) throw error;
        await new Promise<void>((resolve) => {
          const cancelTimer = this.#clock.setTimer(AGAIN_MS, () => resolve(unwatch()));
          const unwatch = onAbort(stream, () => resolve(cancelTimer()));
        });
        if (stream.aborted) throw error;
      }
    }
  }

  async #send(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#sending = undefined; // who asks from now on needs a ping of its own
    await this.#ping();
  }
}
