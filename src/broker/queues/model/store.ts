import { checkQueueName, isStorable } from "../../channels/check.js";
import type { Clock } from "../../clock.js";
import { texts } from "../../grpc/errors.js";
import { type BrokerProfile, profiles } from "../../profile.js";
import { Delays } from "./delays.js";
import { type Content, type Message, type Policy, newborn } from "./message.js";
import { GroupQueue, type JoinDelay } from "./group-queue.js";
import { type Queue, type QueueLimits, TurnQueue } from "./queue.js";

/** The outcome of sending a message. Times in nanoseconds since 1970. */
export type Sending =
  { is: "stored"; sentAt: bigint; expiresAt: bigint; delayedTo: bigint } | { is: "refused"; text: string };

const noPolicy: Policy = { expirationSeconds: 0, maxReceiveCount: 0, maxReceiveQueue: "" };

const seconds = (count: number) => BigInt(count) * 1_000_000_000n;

/** The default, and the maximum, of MaxReceiveCount. */
export const maxReceiveCount = 1024;

/** What a profile says of queues. */
type QueueProfile = Pick<
  BrokerProfile,
  "queueDelivery" | "groupDelayMs" | "groupDelayShare" | "delayCheckMs" | "longestDelaySeconds"
>;

/** All queues, their delayed messages, and the moves from one queue to another. */
export class QueueStore {
  readonly #clock: Clock;
  readonly #limits: QueueLimits;
  readonly #delivery: QueueProfile["queueDelivery"];
  readonly #joinDelay: JoinDelay;
  readonly #queues = new Map<string, Queue>();
  readonly #delays: Delays;
  readonly #onPush: ((queue: string, content: Content) => void) | undefined;

  /** Longest delay and expiration of a message. */
  readonly longestDelaySeconds: number;

  /** @param onPush - called for a message that enters a queue, but not for another try of one */
  constructor(
    clock: Clock,
    limits: QueueLimits,
    profile: QueueProfile = profiles.default,
    onPush?: (queue: string, content: Content) => void,
    random: () => number = Math.random,
  ) {
    this.#clock = clock;
    this.#onPush = onPush;
    this.longestDelaySeconds = profile.longestDelaySeconds;
    this.#delivery = profile.queueDelivery;
    this.#joinDelay = { ms: profile.groupDelayMs, share: profile.groupDelayShare, random };
    this.#limits = limits;
    // A delayed message with an invalid name fails when it becomes due, unnoticed.
    this.#delays = new Delays(clock, profile.delayCheckMs, (queue, content) => this.send(queue, content, 0));
  }

  /** Creates a queue at its first use. */
  queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue =
        this.#delivery === "in-turn"
          ? new TurnQueue(name, this.#clock, this.#limits)
          : new GroupQueue(name, this.#clock, this.#limits, this.#joinDelay);
      this.#queues.set(name, queue);
    }
    return queue;
  }

  /** Sorted by name, in byte order. */
  list(): Queue[] {
    return [...this.#queues.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Number of delayed messages of a queue. */
  delayed(name: string): number {
    return this.#delays.count(name);
  }

  /** Sends a new message. Its expiration starts when it becomes visible. */
  send(name: string, content: Content, delaySeconds: number): Sending {
    const now = this.#clock.now();
    const { expirationSeconds } = content.policy;
    const expiresAt = expirationSeconds > 0 ? now + seconds(expirationSeconds + delaySeconds) : 0n;
    if (delaySeconds > 0) {
      const delayedTo = now + seconds(delaySeconds);
      this.#delays.add(name, content, delayedTo);
      return { is: "stored", sentAt: now, expiresAt, delayedTo };
    }
    if (!isStorable(name)) return { is: "refused", text: texts.storePublish };
    const message = this.queue(name).push(content, newborn(expiresAt));
    this.#onPush?.(name, content);
    return { is: "stored", sentAt: message.timestamp, expiresAt, delayedTo: 0n };
  }

  /**
   * Sends a held message to another queue as a new message, and removes it from its own. Returns an
   * error, if any. A message whose queue was deleted is not sent.
   */
  requeue(from: Queue, message: Message, to: string): string | undefined {
    const refusal = checkQueueName(to);
    if (refusal !== undefined || !from.knows(message)) return refusal;
    const { policy } = message.content;
    const content = copyOf(message.content, {
      ...policy,
      maxReceiveCount: policy.maxReceiveCount === 0 ? maxReceiveCount : policy.maxReceiveCount,
    });
    const sending = this.send(to, content, 0);
    if (sending.is === "refused") return sending.text;
    from.ack(message);
    return undefined;
  }

  /**
   * Negative acknowledgement: a copy goes to the tail for another delivery. After the last delivery
   * it goes to the dead-letter queue, or is dropped.
   */
  nack(from: Queue, message: Message): void {
    const { content, expiresAt, reroutedFrom } = message;
    const deliveries = message.deliveries + 1;
    const { maxReceiveCount, maxReceiveQueue } = content.policy;
    if (!from.ack(message)) return;
    if (maxReceiveCount === 0 || deliveries < maxReceiveCount) {
      from.push(copyOf(content, content.policy), { deliveries, expiresAt, reroutedFrom });
    } else if (maxReceiveQueue !== "" && isStorable(maxReceiveQueue)) {
      const dead = copyOf(content, noPolicy);
      this.queue(maxReceiveQueue).push(dead, { deliveries: 0, expiresAt, reroutedFrom: from.name });
      this.#onPush?.(maxReceiveQueue, dead);
    }
  }

  /** Removes a queue and its delayed messages. Waiting consumers keep waiting. */
  delete(name: string): void {
    const queue = this.#queues.get(name);
    queue?.clear();
    if (queue?.consumers === 0) this.#queues.delete(name);
    this.#delays.clear(name);
  }

  /** The server restarts, and keeps its messages. */
  restart(): void {
    for (const queue of this.#queues.values()) queue.restart();
  }

  /** Removes everything and cancels the timers. */
  clear(): void {
    for (const queue of this.#queues.values()) queue.clear();
    this.#queues.clear();
    this.#delays.clear();
  }
}

/** A copy has no partitioning, as on the real server. */
function copyOf(content: Content, policy: Policy): Content {
  return content.partitioning === undefined && content.policy === policy
    ? content
    : { ...content, policy, partitioning: undefined };
}
