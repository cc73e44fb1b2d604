import type { DescMessage, DescMethodStreaming, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport as ConnectTransport } from "@connectrpc/connect";
import { type Batches, batchesOf } from "../../src/transport/batches.js";
import { abortedBy } from "../../src/transport/response.js";
import type { Reader, Source } from "../../src/transport/source.js";
import type { StreamOptions } from "../../src/transport/calls/stream-call.js";
import type { Transport } from "../../src/transport/transport.js";
import { withFault } from "./connect-faults.js";

/**
 * A transport of the client on one of Connect, such as a router transport or Connect's own for gRPC.
 *
 * @param explained adds the typed cause to an error
 */
export function overConnect(connect: ConnectTransport, explained: (error: unknown) => unknown = withFault): Transport {
  return {
    async unary(...call) {
      try {
        return await connect.unary(...call);
      } catch (error) {
        throw await explained(error);
      }
    },
    open: (method, input, options = {}) => new ConnectSource(connect, method, input, { ...options, explained }),
  };
}

interface ConnectOptions extends StreamOptions {
  readonly explained: (error: unknown) => unknown;
}

/** A stream of Connect, read one message at a time while its reader has room. */
class ConnectSource<I extends DescMessage, O extends DescMessage> implements Source<MessageShape<O>> {
  readonly #controller = new AbortController();
  readonly #response;
  readonly #options: ConnectOptions;
  #isOver = false;
  #resume: (() => void) | undefined;

  constructor(
    connect: ConnectTransport,
    method: DescMethodStreaming<I, O>,
    input: AsyncIterable<MessageInitShape<I>>,
    options: ConnectOptions,
  ) {
    this.#options = options;
    const { header, timeoutMs } = options;
    this.#response = connect.stream(method, this.#controller.signal, timeoutMs, header, input);
    this.#response.catch(() => {}); // thrown where it is read
  }

  read(reader: Reader<MessageShape<O>>): void {
    this.#pump(reader).then(
      () => this.#end(reader, undefined),
      async (error: unknown) => this.#end(reader, await this.#options.explained(error)),
    );
  }

  resume(): void {
    this.#resume?.();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // With any other reason Connect resets the stream with INTERNAL_ERROR in place of CANCEL.
    this.#controller.abort(new ConnectError("cancelled", Code.Canceled));
    this.#resume?.();
    this.#options.onOver?.();
  }

  async #pump(reader: Reader<MessageShape<O>>): Promise<void> {
    const { message } = await this.#response;
    for await (const received of message) {
      if (this.#isOver) return;
      this.#options.onReceived?.(this.#options.header);
      if (reader.message(received, 0)) continue;
      await new Promise<void>((resolve) => (this.#resume = resolve));
      this.#resume = undefined;
    }
  }

  #end(reader: Reader<MessageShape<O>>, error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { onError, onOver } = this.#options;
    reader.end(error === undefined || onError === undefined ? error : onError(error as ConnectError));
    onOver?.();
  }
}

/**
 * The client's transport as one of Connect, for callers that compare the two or make calls with `createClient`. A stream gives its
 * messages one by one until a signal aborts, and no headers and trailers, for which the client has no use.
 */
export function asConnect(transport: Transport): ConnectTransport {
  return {
    unary: (...call) => transport.unary(...call),
    // eslint-disable-next-line @typescript-eslint/require-await
    async stream(method, signal, timeoutMs, header, input) {
      if (signal?.aborted === true) throw abortedBy(signal);
      const options = {
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(header === undefined ? {} : { header: Object.fromEntries(new Headers(header)) }),
      };
      return {
        stream: true,
        service: method.parent,
        method,
        header: new Headers(),
        trailer: new Headers(),
        message: oneByOne(batchesOf(transport.open(method, input, options)), signal),
      };
    },
  };
}

async function* oneByOne<T>(batches: Batches<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      if (signal !== undefined) reject(abortedBy(signal)); // before next() is answered
      batches.cancel();
    };
  });
  aborted.catch(() => {}); // thrown by the race
  signal?.addEventListener("abort", onAbort);
  try {
    for (;;) {
      const result = await Promise.race([aborted, batches.next()]);
      if (result.done === true) return;
      yield* result.value;
      if (signal?.aborted === true) throw abortedBy(signal);
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    batches.cancel();
  }
}
