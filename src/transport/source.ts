/**
 * Receives the messages of a {@link Source}. One object serves for as long as the source lives, so that a message costs one call and
 * no promise.
 */
export interface Reader<T> {
  /**
   * Keeps a message. It is called out of the events of a socket, message by message, so it returns soon: code of the application
   * runs later, at the end of the event-loop turn (`support/turn.ts`).
   *
   * @param byteLength size on the wire; 0 when the source does not know or does not count it
   * @returns false when the reader is full. The source then holds its sender back until `resume()`; messages that
   *   have arrived already may still follow, and the reader keeps them too
   */
  message(message: T, byteLength: number): boolean;
  /**
   * The source has ended, normally when there is no error. It comes behind all messages and is the last call. Never called for a
   * source that was cancelled.
   */
  end(error?: unknown): void;
}

/**
 * A stream of messages that one {@link Reader} receives: a streaming call of the transport, or a queue consumer. What waits for
 * the application waits in the reader, and nowhere else: a source keeps no message that its reader can take.
 *
 * A source starts its work when it is made. An error of that work waits for `read()`.
 */
export interface Source<T> {
  /** Delivers to this reader from now on. Called once at most; the reader may be called before this returns. */
  read(reader: Reader<T>): void;
  /** The reader, which returned false before, has room again. */
  resume(): void;
  /**
   * Ends the source now, without an error: the server is told (RST_STREAM CANCEL), and the reader is not called again, not even
   * when this is called out of its own `message()`. Has no effect after the end or a second time.
   */
  cancel(): void;
}
