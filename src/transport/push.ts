/** The method by which our own transport takes messages as they are accepted, instead of asking for one at a time. */
export const attach: unique symbol = Symbol("kubemq.attach");

/** The transport's side of a request stream: takes messages as they come. */
export interface PushSink<T> {
  /**
   * Encodes the message and puts it behind those accepted before.
   *
   * @returns false when the sink is full: the message is taken, but write no more before `onRoom`
   * @throws ConnectError when the message cannot be encoded; the call goes on without it
   */
  write(message: T): boolean;
  /** Half-closes the call behind what was written. */
  end(): void;
  /** Ends the call: what was accepted cannot be sent. */
  fail(error: unknown): void;
  /** True when all that was written has left for the socket. */
  isFlushed(): boolean;
}

/** What a request stream tells its source. */
export interface PushEvents {
  /** There is room again. */
  onRoom(): void;
  /** All that was written has left for the socket. */
  onFlushed(): void;
  /** The call is over: nothing more will be taken. Undefined when it ended well. */
  onEnd(error: Error | undefined): void;
}

/** A request stream that can push. */
export interface PushSource<T> extends AsyncIterable<T> {
  [attach](sink: PushSink<T>): PushEvents;
}

export function canPush<T>(source: AsyncIterable<T>): source is PushSource<T> {
  return attach in source;
}
