import type { Connection } from "../connection/connection.js";
import { reach } from "../connection/reach.js";
import type { Attempt } from "../stream/plan.js";
import type { KubeMQError } from "../api/errors.js";
import type { StoredEvent } from "../api/events.js";
import { connectionLost, fault } from "../support/faults.js";
import { IdleTimer } from "../support/time/idle-timer.js";
import type { Source } from "../transport/index.js";
import type { OwnWrites } from "./own-writes.js";
import { Histories } from "./histories.js";
import type { Start } from "./start.js";
import { ContiguousPlan, openStore, type StoreRequest } from "./store-plans.js";
import type { WireEventReceive } from "./wire.js";

/** The stored event at which a replay ends. */
interface End {
  readonly sequence: bigint;
  readonly nanos: bigint;
}

/** Number of silent attempts after which the missing events count as lost. */
const QUIET_ATTEMPTS = 3;

/**
 * Maximum milliseconds that a replay waits at its end for unread events of this client, while other
 * events arrive.
 */
const MAX_WAIT_MS = 5_000;

/**
 * Replays from a start position to the end of the channel. The end is the last event at the time of
 * opening, or a later event that this client published before: a server confirms stored events
 * before they are readable.
 */
export class ReplayPlan<T> extends ContiguousPlan<T> {
  readonly #start: Start;
  readonly #quietMs: number;
  readonly #ownWrites: OwnWrites;
  /** Events of this client that the replay must contain and has not received. */
  readonly #unread: Set<string>;
  /** Time at which the end was reached while own events were still missing. */
  #waitingSince: number | undefined;
  #end: End | undefined;
  /** The server that was asked for the end. */
  #endServer: string | undefined;
  #elsewhere: KubeMQError | undefined;
  #quietAttempts = 0;

  constructor(connection: Connection, request: StoreRequest<T>, quietMs: number, ownWrites: OwnWrites) {
    super(connection, request, quietMs);
    this.#start = request.start;
    this.#quietMs = quietMs;
    this.#ownWrites = ownWrites;
    this.#unread = ownWrites.unread(request.channel);
  }

  override async open(attempt: Attempt): Promise<Source<WireEventReceive> | undefined> {
    const server = await reach(this.connection, this, attempt);
    // The last event of another server is not the end of this replay: the events before it were not
    // read yet.
    if (server !== this.#endServer && this.histories.last === undefined) this.#end = undefined;
    this.#endServer = server;
    this.#end ??= await this.#findEnd(attempt, server);
    const end = this.#end;
    if (end === undefined || (this.#unread.size === 0 && isBeyond(this.#start, end))) {
      attempt.finish();
      return undefined;
    }
    // When the event at "last" arrives, a newer event may already be stored.
    if (this.#start.from === "last" && this.histories.last === undefined) {
      this.histories = new Histories({ from: "sequence", sequence: end.sequence });
    }
    return this.openOn(attempt, server);
  }

  isTerminal(error: KubeMQError): boolean {
    return error === this.#elsewhere;
  }

  /** A replay of two histories would have neither an order nor an end. */
  protected override onElsewhere(attempt: Attempt): void {
    const text = `the client has moved to ${this.#endServer}, whose channel has another history: start the replay again`;
    this.#elsewhere = fault("UNAVAILABLE", this, text);
    attempt.fail(this.#elsewhere); // promise: replay-one-history
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
    const { expected } = this.histories;
    const received = (this.#end?.sequence ?? 0n) + 1n;
    if (expected !== undefined && expected < received) {
      this.connection.report({ type: "gap", channel: this.channel, expected, received, lost: true });
    }
    attempt.finish();
  }

  /** Whether the replay has reached its end and still waits for events of this client. */
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

  /** The unread events precede the start position, or the server has lost them. */
  #giveUp(): void {
    for (const id of this.#unread) this.#read(id);
  }

  /**
   * Finds the last event of the channel. A subscription from "last" begins with that event. On an
   * empty channel it is silent, exactly as a server that has not answered yet. Silence therefore
   * counts only after the server has answered a ping sent later, and after `quietMs` more.
   */
  #findEnd(attempt: Attempt, server: string | undefined): Promise<End | undefined> {
    const { connection, operation, channel } = this;
    const source = openStore(connection, this, "", server)({ from: "last" });
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
      const silence = new IdleTimer(connection.clock, this.#quietMs, () => {
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
        () => {}, // a lost connection also ends the stream
      );
    });
  }
}

/** Whether the start position is after the last stored event. */
function isBeyond(start: Start, end: End): boolean {
  if (start.from === "sequence") return start.sequence > end.sequence;
  return start.from === "time" && start.nanos > end.nanos;
}
