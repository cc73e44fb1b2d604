import { clearImmediate, microtask, setImmediate } from "../timers.js";

/** Work for the end of a turn of the event loop. */
export interface TurnTask {
  /** Whether the turn's list contains the task; only the turn changes this. */
  isDue: boolean;
  onTurnEnd(): void;
}

/** Maximum frames that one turn receives, across all streams, before its tasks run early. */
const MAX_FRAMES = 512;

/**
 * The same limit in bytes. Above either limit, messages leave the processor's cache before the
 * application reads them.
 */
const MAX_BYTES = 64 * 1024;

/**
 * A turn of the event loop. A server sends one DATA frame per message, and node:http2 reports each
 * frame separately. Waiting for the end of the turn lets a loop receive all messages of the socket
 * with one wait.
 */
export class Turn {
  #tasks: TurnTask[] = [];
  #frames = 0;
  #bytes = 0;
  #immediate: NodeJS.Immediate | undefined;
  #number = 0;
  #now: number | undefined;

  /**
   * Records the arrival of a frame. Call it before the messages of the frame are delivered, and
   * `delivered` after them.
   *
   * @returns the number of this turn
   */
  received(byteLength: number): number {
    // promise: bounded-round
    if (this.#frames >= MAX_FRAMES || this.#bytes >= MAX_BYTES) this.#end();
    this.#frames += 1;
    this.#bytes += byteLength;
    return this.#number;
  }

  /**
   * The messages of the frame were delivered. A turn that has not ended early waits for its end.
   */
  delivered(): void {
    if (this.#frames > 0) this.#immediate ??= setImmediate(this.#onImmediate);
  }

  /** The number of this turn. NaN, which equals no number, when the turn has received nothing. */
  get number(): number {
    return this.#frames === 0 ? Number.NaN : this.#number;
  }

  /**
   * Runs the task at the end of the turn. In a turn that receives nothing, runs it after the
   * current code.
   */
  atEnd(task: TurnTask): void {
    if (task.isDue) return;
    task.isDue = true;
    this.#tasks.push(task);
    if (this.#frames > 0) this.#immediate ??= setImmediate(this.#onImmediate);
    else if (this.#tasks.length === 1) microtask(this.#onMicrotask);
  }

  /**
   * Ends the turn now when no task waits for its end, which saves a round of the event loop. For a
   * reader that waits for nothing more.
   */
  endEarly(): void {
    if (this.#tasks.length > 0 || this.#frames === 0) return;
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#onImmediate();
  }

  /**
   * The wall clock in milliseconds, read once per turn: reading it costs as much as creating a
   * message.
   */
  now(): number {
    if (this.#now !== undefined) return this.#now;
    if (this.#frames === 0) return Date.now();
    this.#now = Date.now();
    return this.#now;
  }

  readonly #onImmediate = (): void => {
    this.#immediate = undefined;
    this.#end();
  };

  readonly #onMicrotask = (): void => {
    if (this.#frames === 0) this.#end();
  };

  #end(): void {
    this.#frames = 0;
    this.#bytes = 0;
    this.#number = (this.#number + 1) & 0x3fffffff;
    const tasks = this.#tasks;
    if (tasks.length > 0) this.#run(tasks);
    this.#now = undefined;
  }

  #run(tasks: readonly TurnTask[]): void {
    this.#tasks = [];
    this.#now ??= Date.now();
    for (const task of tasks) {
      task.isDue = false;
      task.onTurnEnd();
    }
  }
}

/** The turn of this process. */
export const turn = new Turn();
