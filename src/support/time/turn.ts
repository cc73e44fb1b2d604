import { microtask, setImmediate } from "../timers.js";

/** Work that is done at the end of a turn of the event loop. */
export interface TurnTask {
  /** Whether the turn has it in its list; only the turn changes this. */
  isDue: boolean;
  onTurnEnd(): void;
}

/** Frames that one turn receives, of all streams together, before its tasks run early. */
const MAX_FRAMES = 512;

/** The same limit in bytes. Above either, messages leave the processor's cache before the application reads them. */
const MAX_BYTES = 64 * 1024;

/**
 * A turn of the event loop. A server sends one DATA frame for each message and node:http2 reports each frame by itself; with
 * the end of the turn, a loop gets all messages that the socket had for it and waits once for all of them.
 */
export class Turn {
  #tasks: TurnTask[] = [];
  #frames = 0;
  #bytes = 0;
  #isArmed = false;
  #number = 0;
  #now: number | undefined;

  /**
   * A frame has arrived. Call it before the messages of the frame are passed on.
   *
   * @returns the number of this turn
   */
  received(byteLength: number): number {
    // promise: bounded-round
    if (this.#frames >= MAX_FRAMES || this.#bytes >= MAX_BYTES) this.#end();
    this.#frames += 1;
    this.#bytes += byteLength;
    if (!this.#isArmed) {
      this.#isArmed = true;
      setImmediate(this.#onImmediate);
    }
    return this.#number;
  }

  /** The number of this turn; NaN, which equals no number, when nothing has been received in it. */
  get number(): number {
    return this.#frames === 0 ? Number.NaN : this.#number;
  }

  /** Runs the task at the end of the turn; outside of a turn that receives, after the code that runs now. */
  atEnd(task: TurnTask): void {
    if (task.isDue) return;
    task.isDue = true;
    this.#tasks.push(task);
    if (this.#frames === 0 && this.#tasks.length === 1) microtask(this.#onMicrotask);
  }

  /** The wall clock in milliseconds, read once for all frames of a turn: reading it costs as much as making a message. */
  now(): number {
    if (this.#now !== undefined) return this.#now;
    if (this.#frames === 0) return Date.now();
    this.#now = Date.now();
    return this.#now;
  }

  readonly #onImmediate = (): void => {
    this.#isArmed = false;
    this.#end();
  };

  readonly #onMicrotask = (): void => {
    if (this.#frames === 0) this.#end();
  };

  #end(): void {
    const tasks = this.#tasks;
    this.#tasks = [];
    if (tasks.length > 0) this.#now ??= Date.now();
    this.#frames = 0;
    this.#bytes = 0;
    this.#number = (this.#number + 1) & 0x3fffffff;
    for (const task of tasks) {
      task.isDue = false;
      task.onTurnEnd();
    }
    this.#now = undefined;
  }
}

/** The turns of this process. */
export const turn = new Turn();
