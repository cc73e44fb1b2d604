/**
 * Receives the messages of a {@link Source}. One object serves for the whole life of the source, so
 * that a message costs one call and no promise.
 */
export interface Reader<T> {
  /**
   * Receives a message. The socket's events call it for each message, so it must return soon.
   * Application code runs later, at the end of the event-loop turn (`support/time/turn.ts`).
   *
   * @param byteLength size on the wire in bytes; 0 when the source does not know or does not count
   *   it
   * @returns false when the reader is full. The source then holds its sender back until `resume()`.
   *   Messages that have already arrived may still follow, and the reader must keep them
   */
  message(message: T, byteLength: number): boolean;
  /**
   * The source has ended, successfully when there is no error. This is the last call, after all
   * messages. Never called for a cancelled source.
   */
  end(error?: unknown): void;
}

/**
 * A stream of messages for one {@link Reader}: a streaming call of the transport, or a queue
 * consumer. Only the reader buffers messages for the application. A source keeps no message that
 * its reader can accept.
 *
 * A source starts its work at its creation. An error of that work is reported after `read()`.
 */
export interface Source<T> {
  /**
   * Delivers to this reader from now on. Called at most once; the reader may be called before this
   * returns.
   */
  read(reader: Reader<T>): void;
  /** Continues after the reader returned false: it has room again. */
  resume(): void;
  /**
   * Ends the source immediately, without an error. It tells the server (RST_STREAM CANCEL). The
   * reader is not called again, even when its own `message()` calls this. Has no effect after the
   * end or a second time.
   */
  cancel(): void;
}
