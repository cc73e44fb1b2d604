import type { ChannelFilter } from "./events.js";
import type { Connection } from "./internal/connection.js";
import { handleRequests } from "./internal/handle.js";
import { ReceivedRequest } from "./internal/request.js";
import { openRequests, requestSource } from "./internal/request-stream.js";
import type { CallOptions, HandlerOptions } from "./message.js";
import {
  ask,
  checkReply,
  prepareRequest,
  reasonOf,
  responseInfo,
  type IncomingRequest,
  type OutgoingRequest,
  type Reply,
  type RequestOptions,
  type RequestStreamOptions,
  type ResponseInfo,
} from "./requests.js";
import type { Subscription } from "./subscription.js";

/** What became of a command. That it was not carried out is an answer, not an exception. */
export type CommandResult =
  | (ResponseInfo & { readonly executed: true })
  | (ResponseInfo & {
      readonly executed: false;
      /** Why not, in the responder's words. */
      readonly error: string;
    });

/** A command as a responder gets it. Answer it once, with `respond` or `fail`. */
export interface CommandRequest<T = Uint8Array> extends IncomingRequest<T> {
  /**
   * Says that the command was carried out. A response to a command has no body. Rejects with `ALREADY_RESPONDED` when the
   * request was answered before, with `TIMEOUT` when the asker's time-out has passed, and with `UNAVAILABLE` when the server cannot be
   * reached: then, and after a bad argument, the request is still open, and may be answered again (the server keeps the first answer and
   * drops others).
   */
  respond(reply?: Reply, options?: CallOptions): Promise<void>;
}

/** Commands: ask somebody to do something, and know whether it was done. */
export interface CommandsClient {
  /**
   * Sends a command and waits until a responder has answered: `executed` tells whether it carried the command out. Rejects with `TIMEOUT`
   * when nobody answers within `timeoutMs`, and with `UNAVAILABLE` when the connection is lost meanwhile; in both cases the command may
   * have been carried out. It is never sent again by itself.
   */
  send<T>(command: OutgoingRequest<T>, options?: RequestOptions): Promise<CommandResult>;
  /**
   * Subscribes to the commands of a channel. Every responder without a group gets every command, and the first answer wins; of a group one
   * member gets it. Commands whose askers have given up while they waited for the loop are not delivered; 256 wait at most.
   */
  subscribe<T = Uint8Array>(filter: ChannelFilter<T>, options?: RequestStreamOptions): Subscription<CommandRequest<T>>;
  /**
   * Calls `handler` for every command of a channel and answers by what it does: when it returns, the command was carried out; when it throws, the
   * asker gets the error's message. Resolves when its signal aborts, or the client closes, and the running handlers have finished.
   * Responses that could not be sent are reported as `response-failed` in the client's status.
   */
  handle<T = Uint8Array>(
    filter: ChannelFilter<T>,
    handler: (command: CommandRequest<T>) => void | Reply | Promise<void | Reply>,
    options?: HandlerOptions,
  ): Promise<void>;
}

/** @internal */
export function createCommandsClient(connection: Connection): CommandsClient {
  return {
    async send(command, options) {
      const request = prepareRequest(connection, "commands", command, options);
      const subject = { operation: "commands.send", channel: command.channel };
      const response = await ask(connection, subject, request, options?.signal);
      const info = responseInfo(response);
      return response.executed ? { executed: true, ...info } : { executed: false, error: reasonOf(response), ...info };
    },

    subscribe: (filter, options) =>
      openRequests(connection, requestSource("commands", "subscribe", filter, ReceivedCommand), options),

    handle: (filter, handler, options) =>
      handleRequests(
        connection,
        requestSource("commands", "handle", filter, ReceivedCommand),
        async (command) => {
          const reply = await handler(command);
          return () => command.respond(reply ?? {});
        },
        options,
      ),
  };
}

class ReceivedCommand<T> extends ReceivedRequest<T> implements CommandRequest<T> {
  respond(reply: Reply = {}, options?: CallOptions): Promise<void> {
    const { metadata, tags, span } = reply;
    const outcome = () => {
      checkReply({ operation: "commands.respond", channel: this.channel }, reply);
      return { metadata, tags, span };
    };
    return this.answer("respond", outcome, options);
  }
}
