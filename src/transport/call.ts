import type { DescMessage } from "@bufbuild/protobuf";
import type { ClientHttp2Stream } from "node:http2";
import type { MessageCodec } from "./codec.js";

/** What a call needs to know, whatever its kind. The type parameters only keep calls of different methods apart. */
export interface MethodCall<I extends DescMessage, O extends DescMessage> {
  readonly input: MessageCodec;
  readonly output: MessageCodec;
  readonly inputSchema: I;
  readonly outputSchema: O;
  readonly signal: AbortSignal | undefined;
  readonly deadlineMs: number | undefined;
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
  /** Opens the request. */
  request(): Promise<ClientHttp2Stream>;
}
