import type { Connection } from "../connection/connection.js";
import type { Attempt } from "../stream/plan.js";
import type { StoredEvent } from "../api/events.js";
import { connectionLost } from "../support/faults.js";
import { Quiet } from "../support/time/idle-timer.js";
import type { Source } from "../transport/index.js";
import type { OwnWrites } from "./own-writes.js";
import { ResumeCursor } from "./resume.js";
import type { Start } from "./start.js";
import { ContiguousPlan, openStore, type StoreRequest } from "./store-plans.js";
import type { WireEventReceive } from "./wire.js";

/** A stored event: where a replay ends. */
interface End {
  readonly sequence: bigint;
  readonly nanos: bigint;
}

/** How often the rest is asked for before it counts as gone. */
const QUIET_ATTEMPTS = 3;

/** How long a replay waits at its end for events of this client that do not come, while others do. */
const MAX_WAIT_MS = 5_000;

/**
 * From a start position to what was the end when it was opened, and at least to what this client had published before: a server
 * confirms stored events before they can be read.
 */
export class ReplayPlan<T> extends ContiguousPlan<T> {
  readonly #start: Start;
  readonly #quietMs: number;
  readonly #ownWrites: OwnWrites;
  /** Events of this client that the replay must contain, and has not seen. */
  readonly #unread: Set<string>;
  /** When the end was reached without them. */
  #waitingSince: number | undefined;
  #end: End | undefined;
  #quietAttempts = 0;

  constructor(connection: Connection, request: StoreRequest<T>, quietMs: number, ownWrites: OwnWrites) {
    super(connection, request, quietMs);
    this.#start = request.start;
    this.#quietMs = quietMs;
    this.#ownWrites = ownWrites;
    this.#unread = ownWrites.unread(request.channel);
  }

  override async open(attempt: Attempt): Promise<Source<WireEventReceive> | undefined> {
    this.#end ??= await this.#findEnd(attempt);
    const end = this.#end;
    if (end === undefined || (this.#unread.size === 0 && isBeyond(this.#start, end))) {
      attempt.finish();
      return undefined;
    }
    // By the time that "last" arrives there may be another.
    if (this.#start.from === "last" && this.cursor.last === undefined) {
      this.cursor = new ResumeCursor({ from: "sequence", sequence: end.sequence });
    }
    return super.open(attempt);
  }

  protected override select(wire: WireEventReceive): StoredEvent<T> | undefined {
    const event = super.select(wire);
    if (event === undefined) return undefined;
    this.#quietAttempts = 0;
    const { sequence } = event;
    if (this.#end === undefined || (this.#unread.size > 0 && sequence > this.#end.sequence)) {
      this.#end = { sequence, nanos: wire.Timestamp };
    }
    this.#read(event.id);
    const end = this.#end.sequence;
    if (sequence >= end && !this.#isWaiting()) this.attempt?.finish(); // promise: replay-contains-own-writes
    return sequence <= end ? event : undefined; // promise: replay-ends
  }

  protected override get isWatchful(): boolean {
    return true;
  }

  protected override onQuiet(attempt: Attempt): void {
    this.#quietAttempts += 1;
    if (this.#quietAttempts < QUIET_ATTEMPTS) return attempt.renew();
    this.#giveUp();
    const { expected } = this.cursor;
    const received = (this.#end?.sequence ?? 0n) + 1n;
    if (expected !== undefined && expected < received) {
      this.connection.report({ type: "gap", channel: this.channel, expected, received, lost: true });
    }
    attempt.finish();
  }

  /** At the end: whether events of this client are still to come. */
  #isWaiting(): boolean {
    if (this.#unread.size === 0) return false;
    const now = this.connection.clock.now();
    this.#waitingSince ??= now;
    if (now - this.#waitingSince < MAX_WAIT_MS) return true;
    this.#giveUp();
    return false;
  }

  #read(id: string): void {
    if (this.#unread.delete(id)) this.#ownWrites.forget(this.channel, id);
  }

  /** They lie before the start, or the server has lost them. */
  #giveUp(): void {
    for (const id of this.#unread) this.#read(id);
  }

  /**
   * A subscription from the last event on begins with that event. On an empty channel it is silent, which nothing distinguishes from a
   * server that has not answered yet; so silence counts once the server has answered a ping behind it, and a while after.
   */
  #findEnd(attempt: Attempt): Promise<End | undefined> {
    const { connection, operation, channel } = this;
    const source = openStore(connection, this, "")({ from: "last" });
    return new Promise((resolve, reject) => {
      let last: End | undefined;
      let silences = 0;
      let isOver = false;
      const stop = () => {
        isOver = true;
        unwatch();
        silence.stop();
        source.cancel();
      };
      const end = () => {
        stop();
        resolve(last);
      };
      const silence = new Quiet(connection.clock, this.#quietMs, () => {
        silences += 1;
        if (this.#unread.size > 0 && silences < QUIET_ATTEMPTS) silence.begin();
        else end();
      });
      const unwatch = attempt.onOver(end);
      source.read({
        message: ({ Sequence: sequence, Timestamp: nanos, EventID: id }) => {
          last = { sequence, nanos };
          this.#read(id);
          if (this.#start.from !== "last" || !this.#isWaiting()) end();
          return true;
        },
        end: (error) => {
          stop();
          reject(error ?? connectionLost({ operation, channel }, "the server ended the stream"));
        },
      });
      const request = {
        get isOver() {
          return isOver;
        },
        onOver: (run: () => void) => attempt.onOver(run),
      };
      connection.probe(request).then(
        () => isOver || silence.begin(),
        () => {}, // a connection that is lost ends the stream too
      );
    });
  }
}

/** Whether nothing that is stored lies behind the start. */
function isBeyond(start: Start, end: End): boolean {
  if (start.from === "sequence") return start.sequence > end.sequence;
  return start.from === "time" && start.nanos > end.nanos;
}
