/**
 * The method by which this library's transport accepts messages as they are sent, instead of
 * requesting one at a time.
 */
export const attach: unique symbol = Symbol("kubemq.attach");

/** The transport's side of a request stream: accepts messages as they are sent. */
export interface PushSink<T> {
  /**
   * Encodes the message and appends it to those accepted before.
   *
   * @returns false when the sink is full: the message is accepted, but write no more before
   *   `onRoom`
   * @throws ConnectError when the message cannot be encoded; the call continues without it
   */
  write(message: T): boolean;
  /** Half-closes the call after the written messages. */
  end(): void;
  /** Ends the call: accepted messages cannot be sent. */
  fail(error: unknown): void;
  /** True when all written messages have been passed to the socket. */
  isFlushed(): boolean;
}

/** The events that a request stream reports to its source. */
export interface PushEvents {
  /** There is room again. */
  onRoom(): void;
  /** All written messages have been passed to the socket. */
  onFlushed(): void;
  /** The call is over and accepts no more messages. Undefined on success. */
  onEnd(error: Error | undefined): void;
}

/** A request stream that can push its messages. */
export interface PushSource<T> extends AsyncIterable<T> {
  [attach](sink: PushSink<T>): PushEvents;
}

export function canPush<T>(source: AsyncIterable<T>): source is PushSource<T> {
  return attach in source;
}
