import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ProcessTime } from "./process-time.js";

/** A gRPC status as the caller receives it. */
export interface Status {
  readonly code: number;
  readonly message: string;
}

type Life =
  { readonly state: "running" } | { readonly state: "ended"; readonly status: Status; readonly expected: boolean };

export const statusOf = (error: unknown): Status => {
  const { code, rawMessage } = ConnectError.from(error);
  return { code, message: rawMessage };
};

// A status holds numbers from the wire, including those that Connect has no name for.
const canceled: number = Code.Canceled;

const ok: Status = { code: 0, message: "" };

/** The request side of an open call. */
export class Writer implements AsyncIterable<Message> {
  readonly #queue: Message[] = [];
  #closed = false;
  #wake: () => void = () => {};

  write(message: Message): void {
    this.#queue.push(message);
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message> {
    for (;;) {
      const message = this.#queue.shift();
      if (message !== undefined) yield message;
      else if (this.#closed) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** A streaming call, or the answer of a unary one: its messages and its end. */
export class LiveCall {
  readonly name: string;
  readonly writer: Writer | undefined;
  /** Messages that no step has read. */
  readonly queue: Message[] = [];
  #active = false;
  #life: Life = { state: "running" };
  readonly #controller = new AbortController();
  readonly #watchers = new Set<() => void>();

  readonly #time: ProcessTime;

  constructor(name: string, time: ProcessTime, writer?: Writer) {
    this.name = name;
    this.#time = time;
    this.writer = writer;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the server has accepted the call; the embedded broker shows that by its headers. */
  get active(): boolean {
    return this.#active;
  }

  get life(): Life {
    return this.#life;
  }

  accept(): void {
    this.#active = true;
    this.#changed();
  }

  arrive(message: Message): void {
    this.queue.push(message);
    this.#changed();
  }

  async read(messages: AsyncIterable<Message>): Promise<void> {
    let status = ok;
    try {
      for await (const message of messages) this.arrive(message);
    } catch (error) {
      status = statusOf(error);
    }
    const cancelled = this.signal.aborted && status.code === canceled;
    this.#life = { state: "ended", status, expected: cancelled };
    this.#changed();
  }

  /** A step has read the end of the call. */
  expectEnd(): void {
    if (this.#life.state === "ended") this.#life = { ...this.#life, expected: true };
  }

  cancel(): void {
    this.#controller.abort();
  }

  /** Waits until `condition` holds; false when it does not within the time. */
  async until(condition: () => boolean, withinMs: number): Promise<boolean> {
    if (condition()) return true;
    return new Promise((resolve) => {
      const settle = (held: boolean) => {
        cancelTimer();
        this.#watchers.delete(look);
        resolve(held);
      };
      const look = () => condition() && settle(true);
      const cancelTimer = this.#time.setTimer(withinMs, () => settle(condition()));
      this.#watchers.add(look);
    });
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }
}
