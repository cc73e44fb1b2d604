import type { Codec } from "../api/codec.js";
import type { StoredEvent, StoreSubscription } from "../api/events.js";
import type { StreamOptions } from "../api/message.js";
import type { Connection } from "../connection/connection.js";
import { once } from "../connection/wire.js";
import { StreamEngine } from "../stream/engine.js";
import type { Attempt, Opened, StreamPlan } from "../stream/plan.js";
import type { Subject } from "../support/checks.js";
import { Quiet } from "../support/time/idle-timer.js";
import { wallNanos } from "../support/time/time.js";
import type { Source } from "../transport/index.js";
import { ResumeCursor } from "./resume.js";
import type { Start } from "./start.js";
import { storedEvent, storeSubscription } from "./wire-store.js";
import { subscribeToEventsMethod, type WireEventReceive } from "./wire.js";

/** What a subscription or a replay reads. */
export interface StoreRequest<T> {
  readonly operation: string;
  readonly channel: string;
  readonly start: Start;
  readonly codec: Codec<T> | undefined;
}

/** Events that are kept for a slow loop. */
const CAPACITY = 256;

/** Makes one attempt. The server keeps a position for every ClientID, and applies a start position only to a new ClientID. */
export function openStore(
  connection: Connection,
  { operation, channel }: Subject & { channel: string },
  group: string,
) {
  return (start: Start): Source<WireEventReceive> => {
    // promise: store-client-id-per-attempt
    const clientId = `${connection.options.clientId}-${crypto.randomUUID().slice(0, 8)}`;
    const request = storeSubscription(clientId, channel, group, start);
    return connection.open(subscribeToEventsMethod, once(request), { operation, channel });
  };
}

/** What all readers of the store share. */
abstract class StorePlan<T> implements StreamPlan<WireEventReceive, StoredEvent<T>> {
  readonly operation: string;
  readonly channel: string;
  readonly kind = "eventsStore";
  readonly capacity = CAPACITY;
  position: bigint | undefined;
  protected readonly connection: Connection;
  protected readonly codec: Codec<T> | undefined;

  constructor(connection: Connection, request: StoreRequest<T>) {
    this.connection = connection;
    this.operation = request.operation;
    this.channel = request.channel;
    this.codec = request.codec;
  }

  abstract open(attempt: Attempt): Opened<WireEventReceive>;
  abstract map(wire: WireEventReceive): StoredEvent<T> | undefined;

  onFinished(event: StoredEvent<T>, reached: StoredEvent<T> | null = event): void {
    if (reached !== null) this.position = reached.sequence; // promise: store-position
  }
}

/** Group member: the server tracks the position, so gaps are neither detected nor repaired. */
export class GroupPlan<T> extends StorePlan<T> {
  readonly #group: string;
  readonly #start: Start;

  constructor(connection: Connection, request: StoreRequest<T>, group: string) {
    super(connection, request);
    this.#group = group;
    this.#start = request.start;
  }

  open(): Source<WireEventReceive> {
    return openStore(this.connection, this, this.#group)(this.#start);
  }

  map(wire: WireEventReceive): StoredEvent<T> {
    return storedEvent(wire, this.codec);
  }
}

/** A server that was held back for less than 2 s has dropped nothing. Half of that, to be on the safe side. */
const HELD_BACK_MS = 1_000;

/** The next event reveals that one was dropped. When none has come for this long, the end of the channel is fetched again. */
const CHECK_END_AFTER_MS = 1_000;

/** Every event from the start on, in order, once. */
export class ContiguousPlan<T> extends StorePlan<T> {
  protected cursor: ResumeCursor;
  protected attempt: Attempt | undefined;
  readonly #quiet: Quiet;
  #received = 0;
  /** Events that the loop has asked for and that have not come yet. */
  #awaited = 0;
  /** The server may have dropped the last events of this attempt. */
  #isSuspect = false;

  constructor(connection: Connection, request: StoreRequest<T>, quietMs = CHECK_END_AFTER_MS) {
    super(connection, request);
    this.cursor = new ResumeCursor(request.start);
    this.#quiet = new Quiet(connection.clock, quietMs, () => void this.#confirmQuiet());
  }

  open(attempt: Attempt): Opened<WireEventReceive> {
    this.#isSuspect = false;
    this.attempt = attempt;
    attempt.onOver(() => this.#quiet.stop());
    const events = openStore(this.connection, this, "")(this.cursor.begin(wallNanos()));
    this.#watch();
    return events;
  }

  map(wire: WireEventReceive): StoredEvent<T> | undefined {
    this.#received += 1;
    this.#quiet.interrupt();
    const event = this.select(wire);
    if (event !== undefined && this.#awaited > 0) this.#awaited -= 1;
    this.#watch();
    return event;
  }

  onDemand(heldBackMs: number): void {
    this.#awaited += 1;
    if (heldBackMs >= HELD_BACK_MS) this.#isSuspect = true; // promise: store-tail-fetched
    this.#watch();
  }

  afterSequence(): bigint | undefined {
    return this.cursor.last;
  }

  /** The event to deliver, if this is one. */
  protected select(wire: WireEventReceive): StoredEvent<T> | undefined {
    const judgement = this.cursor.judge(wire.Sequence, wire.Timestamp);
    if (judgement.kind === "repeated") return undefined;
    if (judgement.kind === "gap") {
      const { expected, received, lost } = judgement;
      this.connection.report({ type: "gap", channel: this.channel, expected, received, lost });
      if (!lost) {
        this.attempt?.renew(); // promise: store-gap-fetched
        return undefined;
      }
    }
    return storedEvent(wire, this.codec);
  }

  /** Whether silence may mean that events were dropped. */
  protected get isWatchful(): boolean {
    return this.#isSuspect;
  }

  /** The loop waits and nothing comes, though the connection works. */
  protected onQuiet(attempt: Attempt): void {
    attempt.renew();
  }

  #watch(): void {
    // While the loop does not wait, events may be held back, which is no silence.
    if (this.#awaited > 0 && this.isWatchful && this.attempt?.isOver === false) this.#quiet.begin();
  }

  async #confirmQuiet(): Promise<void> {
    const { attempt } = this;
    if (attempt === undefined) return;
    const received = this.#received;
    try {
      await this.connection.probe(attempt);
    } catch {
      return this.#watch(); // a connection that is lost ends the attempt by itself
    }
    if (attempt.isOver || received !== this.#received) return;
    this.onQuiet(attempt);
  }
}

/** A subscription that knows how far its loop has come. */
export class StoreStream<T> extends StreamEngine<WireEventReceive, StoredEvent<T>> implements StoreSubscription<T> {
  readonly #storePlan: StorePlan<T>;

  constructor(plan: StorePlan<T>, connection: Connection, options?: StreamOptions) {
    super(plan, connection, options);
    this.#storePlan = plan;
  }

  get position(): bigint | undefined {
    return this.#storePlan.position;
  }
}
