import { setImmediate } from "../support/timers.js";

/** So many chunks are held at most, of all streams together: more would live long enough for the garbage collector to move them. */
const MOST_CHUNKS = 512;

/** What is handed over at the end of a round. */
export interface Due {
  isDue: boolean;
  handOver(): void;
}

/**
 * A round of the event loop. A server sends a frame for each message, and node gives each frame a turn of its own: waiting for the end of the
 * round makes one batch of what the socket had for a stream.
 */
export class Round {
  private due: Due[] = [];
  private chunks = 0;
  private isArmed = false;

  /** Another chunk has come for this one. */
  add(due: Due): void {
    if (!due.isDue) {
      due.isDue = true;
      this.due.push(due);
    }
    this.chunks += 1;
    // promise: bounded-round
    if (this.chunks >= MOST_CHUNKS) this.end();
    else if (!this.isArmed) {
      this.isArmed = true;
      setImmediate(this.onImmediate);
    }
  }

  private readonly onImmediate = (): void => {
    this.isArmed = false;
    this.end();
  };

  private end(): void {
    const all = this.due;
    this.due = [];
    this.chunks = 0;
    for (const one of all) {
      one.isDue = false;
      one.handOver();
    }
  }
}
