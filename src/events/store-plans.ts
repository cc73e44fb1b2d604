import type { Decoder } from "../api/codec.js";
import type { StoredEvent, StoreSubscription } from "../api/events.js";
import type { StreamOptions } from "../api/message.js";
import type { Connection } from "../connection/connection.js";
import { reach } from "../connection/reach.js";
import { once } from "../connection/wire.js";
import { StreamEngine } from "../stream/engine.js";
import type { Attempt, Opened, StreamPlan } from "../stream/plan.js";
import type { Subject } from "../support/checks.js";
import { IdleTimer } from "../support/time/idle-timer.js";
import { wallNanos } from "../support/time/time.js";
import type { Source } from "../transport/index.js";
import { Histories } from "./histories.js";
import type { Start } from "./start.js";
import { storedEvent, storeSubscription } from "./wire-store.js";
import { subscribeToEventsMethod, type WireEventReceive } from "./wire.js";

/** The events that a subscription or a replay reads. */
export interface StoreRequest<T> {
  readonly operation: string;
  readonly channel: string;
  readonly start: Start;
  readonly codec: Decoder<T> | undefined;
}

/** Maximum events buffered while the loop is busy. */
const CAPACITY = 256;

/**
 * Opens one attempt. The server keeps a position per ClientID, and applies a start position only to
 * a new ClientID.
 */
export function openStore(
  connection: Connection,
  { operation, channel }: Subject & { channel: string },
  group: string,
  server?: string,
) {
  return (start: Start): Source<WireEventReceive> => {
    const clientId = storeClientId(connection, operation);
    const request = storeSubscription(clientId, channel, group, start);
    return connection.open(subscribeToEventsMethod, once(request), { operation, channel }, server);
  };
}

/** A replay needs positions of its own, which the server gives to new ClientIDs only. */
function storeClientId({ options }: Connection, operation: string): string {
  if (options.storeClientId === "client" && operation === "eventsStore.subscribe") return options.clientId;
  return `${options.clientId}-${crypto.randomUUID().slice(0, 8)}`; // promise: store-client-id-per-attempt
}

/** The common part of all store readers. */
abstract class StorePlan<T> implements StreamPlan<WireEventReceive, StoredEvent<T>> {
  readonly operation: string;
  readonly channel: string;
  readonly kind = "eventsStore";
  readonly capacity = CAPACITY;
  position: bigint | undefined;
  protected readonly connection: Connection;
  protected readonly codec: Decoder<T> | undefined;

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

/**
 * Member of a group, or a subscription under the clientId itself: the server tracks the position,
 * so gaps are neither detected nor repaired.
 */
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

/**
 * A server that is held back drops nothing for 2 s. This is half of that time, as a safety margin.
 */
const HELD_BACK_MS = 1_000;

/**
 * The next event reveals a dropped one. After this many milliseconds without an event, the end of
 * the channel is fetched again.
 */
const CHECK_END_AFTER_MS = 1_000;

/** Delivers every event from the start position, in order, once. */
export class ContiguousPlan<T> extends StorePlan<T> {
  protected histories: Histories;
  protected attempt: Attempt | undefined;
  readonly #quiet: IdleTimer;
  #received = 0;
  /** Events that the loop has requested and that have not arrived. */
  #awaited = 0;
  /** Whether the server may have dropped the last events of this attempt. */
  #isSuspect = false;

  constructor(connection: Connection, request: StoreRequest<T>, quietMs = CHECK_END_AFTER_MS) {
    super(connection, request);
    this.histories = new Histories(request.start);
    this.#quiet = new IdleTimer(connection.clock, quietMs, () => void this.#confirmQuiet());
  }

  open(attempt: Attempt): Opened<WireEventReceive> {
    const reached = reach(this.connection, this, attempt);
    if (reached === undefined) return this.openOn(attempt, undefined);
    return reached.then((server) => this.openOn(attempt, server));
  }

  /** @param server - the server whose position is requested; undefined when there is only one */
  protected openOn(attempt: Attempt, server: string | undefined): Source<WireEventReceive> {
    this.#isSuspect = false;
    this.attempt = attempt;
    attempt.onOver(() => this.#quiet.stop());
    const events = openStore(this.connection, this, "", server)(this.histories.begin(server, wallNanos()));
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
    return this.histories.last;
  }

  /**
   * Returns the event to deliver, or undefined for a repeated event or a gap that is fetched again.
   */
  protected select(wire: WireEventReceive): StoredEvent<T> | undefined {
    const arrival = this.histories.classify(wire.Sequence, wire.Timestamp);
    if (arrival.kind === "repeated") return undefined;
    if (arrival.kind === "elsewhere") {
      if (this.attempt !== undefined) this.onElsewhere(this.attempt);
      return undefined;
    }
    if (arrival.kind === "gap") {
      const { kind: type, ...gap } = arrival;
      this.connection.report({ type, channel: this.channel, ...gap });
      if (!gap.lost) {
        this.attempt?.renew(); // promise: store-gap-fetched
        return undefined;
      }
    }
    return storedEvent(wire, this.codec);
  }

  /** Whether silence can mean dropped events. */
  protected get isWatchful(): boolean {
    return this.#isSuspect || this.histories.isComparing;
  }

  /** Called when the client has moved to a server with another history of the channel. */
  protected onElsewhere(attempt: Attempt): void {
    attempt.renew();
  }

  /** Called when the loop waits and no event arrives, although the connection works. */
  protected onQuiet(attempt: Attempt): void {
    attempt.renew();
  }

  #watch(): void {
    // While the loop is busy, events may be held back. That does not count as silence.
    if (this.#awaited > 0 && this.isWatchful && this.attempt?.isOver === false) this.#quiet.begin();
  }

  async #confirmQuiet(): Promise<void> {
    const { attempt } = this;
    if (attempt === undefined) return;
    const received = this.#received;
    try {
      await this.connection.probe(attempt);
    } catch {
      return this.#watch(); // a lost connection also ends the attempt
    }
    if (attempt.isOver || received !== this.#received) return;
    if (!this.histories.isComparing) return this.onQuiet(attempt);
    this.histories.foundNothing();
    this.onElsewhere(attempt);
  }
}

/** A subscription that reports the position of its loop. */
export class StoreStream<T> extends StreamEngine<WireEventReceive, StoredEvent<T>> implements StoreSubscription<T> {
  readonly #storePlan: StorePlan<T>;

  constructor(plan: StorePlan<T>, connection: Connection, options?: StreamOptions) {
    super(plan, connection, options);
    this.#storePlan = plan;
  }

  get position(): bigint | undefined {
    return this.#storePlan.position;
  }

  protected override get shownType(): string {
    return "StoreSubscription";
  }

  protected override shownProperties(): Record<string, unknown> {
    return { ...super.shownProperties(), position: this.position };
  }
}
