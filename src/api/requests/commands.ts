import type { CallOptions, HandlerOptions } from "../message.js";
import type { SentAs } from "../sent-as.js";
import type { Service, SubscribeRequest, Subscription } from "../subscription.js";
import type { IncomingRequest, OutgoingRequest, RequestOptions, RequestStreamOptions } from "./request.js";
import type { FailedResponse, Reply, ResponseInfo } from "./response.js";

/** The response to a command that was carried out. */
export interface CommandResponse extends ResponseInfo {
  /** The responder carried out the command; a {@link FailedResponse} has `false`. */
  readonly ok: true;
}

/** The outcome of a command. A command that was not carried out is a result, not an exception. */
export type CommandResult = CommandResponse | FailedResponse;

/** A command as a responder receives it. Respond once, with `respond` or `fail`. */
export interface IncomingCommand<T = Uint8Array> extends IncomingRequest<T> {
  /**
   * Reports that the command was carried out. A response to a command has no body. When sending
   * fails, the request stays open and can be answered again: the server keeps the first answer and
   * drops others.
   *
   * @throws {KubeMQError} ALREADY_RESPONDED when the request was answered before
   * @throws {KubeMQError} TIMEOUT when the requester's timeout has passed
   * @throws {KubeMQError} UNAVAILABLE when the server cannot be reached
   */
  respond(reply?: Reply, options?: CallOptions): Promise<void>;
}

/** Commands: ask a responder to do something, and learn whether it was done. */
export interface CommandsClient {
  /**
   * Sends a command and waits for the answer of a responder: `ok` is true when the responder
   * carried out the command. The client does not send a command again without `resend`.
   *
   * @throws {KubeMQError} TIMEOUT when no responder answers within `timeoutMs`; the command may
   *   have been carried out
   * @throws {KubeMQError} UNAVAILABLE when the connection is lost meanwhile; the command may have
   *   been carried out
   * @throws {KubeMQError} INVALID_ARGUMENT or ENCODE_FAILED when the command is refused before it
   *   is sent; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * const result = await client.commands.send({ channel: "doors", body: "open 7" }, { timeoutMs: 5_000 });
   * if (!result.ok) console.log(result.error);
   * ```
   */
  send<T>(command: OutgoingCommand<T>, options?: RequestOptions): Promise<CommandResult>;
  /**
   * Subscribes to the commands of a channel. Every responder without a group receives every
   * command, and the first answer wins. One member of each group receives a command. At most 256
   * commands wait for the loop. A command whose timeout passes while it waits is not delivered.
   *
   * A `break` and `close()` do not wait for the server, which may send one more command to the
   * subscription: its requester gets no answer before its timeout. The `close()` of a service of
   * `handle` waits, so that the next command goes to another responder.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * for await (const command of client.commands.subscribe({ channel: "doors" })) {
   *   await command.fail("the door is locked");
   * }
   * ```
   */
  subscribe<T = Uint8Array>(
    filter: SubscribeRequest<T>,
    options?: RequestStreamOptions,
  ): Subscription<IncomingCommand<T>>;
  /**
   * Calls `handler` for every command of a channel and responds with its outcome: the command was
   * carried out when the handler returns. When it throws, the requester receives the error's
   * message, and `onError` and the status (`handler-failed`) receive the error. The status reports
   * a response that could not be sent as `response-failed`.
   *
   * @example
   * ```ts
   * await using service = client.commands.handle({ channel: "doors" }, async (command) => {
   *   await openDoor(command.text());
   * });
   * await service.ready;
   * ```
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  handle<T = Uint8Array>(
    filter: SubscribeRequest<T>,
    handler: (command: IncomingCommand<T>) => void | Reply | Promise<void | Reply>,
    options?: HandlerOptions<IncomingCommand<T>>,
  ): Service;
}

/** A command to send. */
export type OutgoingCommand<T = unknown> = OutgoingRequest<T> & SentAs<"commands">;
