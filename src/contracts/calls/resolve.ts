import type { CallOptions, HandlerOptions, StreamOptions } from "../../api/message.js";
import type { ProcessOptions } from "../../api/queues/requests.js";
import type { RequestStreamOptions } from "../../api/requests/request.js";
import type { ChannelKind } from "../../api/server.js";
import { refuse } from "../../support/checks.js";
import { checkOptionsObject } from "../../support/names/known.js";
import { type AnyContract, form } from "../form.js";

/** Turns contracts into the messages and requests of the calls that take no contract. */

/** The builder of each kind of contract, for errors. */
const BUILDERS: Readonly<Record<ChannelKind, string>> = {
  events: "events",
  eventsStore: "store",
  commands: "command",
  queries: "query",
  queues: "queue",
};

/**
 * The message that sends a value.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT for anything but a contract of this kind for one channel
 */
export function messageOf<M>(operation: string, kind: ChannelKind, contract: AnyContract, value: unknown): M {
  check(operation, kind, contract);
  // promise: contract-wildcards-not-sent
  if (contract.message === undefined) {
    const why = "a contract with wildcards only subscribes: send to a contract of one channel";
    throw refuse({ operation, channel: contract.name }, why);
  }
  return contract.message(value) as M;
}

/** Names of options; the compiler requires each name of the type. */
type Names<Options> = Readonly<Record<keyof Options, true>>;

/**
 * The request of a call that receives, and the other options of the call.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT for anything but a contract of this kind
 */
export function requestOf<Request, Options>(
  operation: string,
  kind: ChannelKind,
  contract: AnyContract,
  names: Names<Options>,
  given: unknown,
): readonly [Request, Options] {
  check(operation, kind, contract);
  if (given !== undefined) checkOptionsObject({ operation, channel: contract.name }, given);
  const request: Record<string, unknown> = {};
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given ?? {})) {
    (Object.hasOwn(names, name) ? options : request)[name] = value; // promise: contract-options-split
  }
  request["channel"] = contract.name;
  request["codec"] = contract.codec ?? contract.request;
  if (contract.response !== undefined) request["responseCodec"] = contract.response; // promise: contract-response-codec
  return [request as Request, options as Options];
}

function check(operation: string, kind: ChannelKind, contract: AnyContract): void {
  const subject = { operation, channel: contract.name };
  // promise: contract-kind-checked
  if (contract.kind !== kind) {
    const [given, needed] = [BUILDERS[contract.kind], BUILDERS[kind]];
    throw refuse(subject, `the contract was made by ${given}(), and this call needs one made by ${needed}()`);
  }
  // promise: contract-template-refused
  if (contract[form] === "template") {
    throw refuse(subject, "the channel name has parameters: pass the contract that for() returns");
  }
}

const STREAM: Names<StreamOptions> = { signal: true, reconnect: true };

const HANDLER: Names<HandlerOptions> = { ...STREAM, concurrency: true, drainTimeoutMs: true, onError: true };

/** The options that calls take beside their requests. */
export const OPTIONS = {
  call: { signal: true, timeoutMs: true } satisfies Names<CallOptions>,
  stream: STREAM,
  requestStream: { ...STREAM, unanswered: true } satisfies Names<RequestStreamOptions>,
  handler: HANDLER,
  process: { ...HANDLER, retry: true } satisfies Names<ProcessOptions>,
} as const;

/**
 * A rejection if a publisher was given options with a message, which would have no effect. Anything
 * but an object is ignored: `messages.map(publisher.send)` passes an index.
 */
export function refusedOptions(operation: string, options: unknown): Promise<never> | undefined {
  if (typeof options !== "object" || options === null) return undefined;
  const why =
    "a publisher takes no options with a message: signal belongs in the options of publisher(), timeoutMs in those of the client";
  return Promise.reject(refuse({ operation }, why));
}
