/**
 * How many messages to poll for. A poll that is not filled waits for at least a second and holds up what it has, so several are
 * asked for only when they are known to be there; a lone message is never held up. What is known comes from the server's count of
 * waiting messages, asked for when polls are answered at once again and again.
 */
export class PollSizer {
  readonly #prefetch: number;
  /** How many messages are believed to wait. */
  #depth = 0;
  /** How many came one after another without a wait. */
  #run = 0;
  #runBeforeProbe = 4;
  /** How many came one by one, each after a wait. */
  #waited = 0;
  #waitedBeforeProbe = 4;
  #canProbe = true;
  #fastestMs = 250;

  constructor(prefetch: number) {
    this.#prefetch = prefetch;
  }

  /** How many to poll for now, at most `room`; 0 to wait until the loop has less to do. */
  next(room: number, buffered: number): number {
    if (room <= 0) return 0;
    const known = this.#depth >> 1; // others may be taking too
    if (known < 2) return 1; // promise: lone-message-polled
    // The loop has enough to do: rather one large poll later than many small ones.
    if (buffered > this.#prefetch >> 1) return 0;
    return Math.min(known, room, (this.#prefetch + 1) >> 1); // halves, so that one is on its way while the other is worked on
  }

  /** True when the server should be asked how many wait. */
  answered(asked: number, got: number, tookMs: number): boolean {
    if (got < asked && asked > 1) {
      this.#depth = 0;
      this.#run = 0;
      this.#runBeforeProbe = 16;
      return false;
    }
    this.#depth = Math.max(0, this.#depth - got);
    if (got === 0) {
      this.#run = 0;
      this.#waited = 0;
      return false;
    }
    if (tookMs > Math.max(25, 2 * this.#fastestMs)) {
      this.#run = 0;
      return asked === 1 && this.#mayPileUp(); // promise: pile-noticed
    }
    this.#fastestMs = Math.min(this.#fastestMs, tookMs);
    this.#run += got;
    if (this.#prefetch === 1 || this.#run < this.#runBeforeProbe) return false;
    if (!this.#canProbe) {
      this.#depth = this.#run >> 2; // as much again as a part of what has come
      return false;
    }
    this.#run = 0;
    this.#runBeforeProbe = Math.min(2 * this.#runBeforeProbe, 256); // until told that many wait
    return true;
  }

  /** Either there was nothing to take, or the way to the server has become long, and more waits there than one at a time can take away. */
  #mayPileUp(): boolean {
    this.#waited += 1;
    if (this.#prefetch === 1 || !this.#canProbe || this.#waited < this.#waitedBeforeProbe) return false;
    this.#waited = 0;
    this.#waitedBeforeProbe = Math.min(2 * this.#waitedBeforeProbe, 64); // until told that many wait
    return true;
  }

  /** The server's count, without what this consumer holds; undefined when it does not tell. */
  told(waiting: number | undefined): void {
    if (waiting === undefined) {
      this.#canProbe = false;
      return;
    }
    this.#depth = Math.max(0, waiting);
    if (this.#depth < 4) return;
    this.#runBeforeProbe = Math.max(4, this.#depth >> 1);
    this.#waitedBeforeProbe = 4;
  }
}
