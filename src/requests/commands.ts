import type { CallOptions } from "../api/message.js";
import type { IncomingCommand, CommandsClient } from "../api/requests/commands.js";
import type { Reply } from "../api/requests/response.js";
import type { Connection } from "../connection/connection.js";
import { checkHandler } from "../support/checks.js";
import {
  askAgain,
  checkNoFailure,
  checkReply,
  isError,
  isFailure,
  prepareRequest,
  reasonOf,
  responseInfo,
} from "./ask.js";
import { handleRequests } from "./handle.js";
import { ReceivedRequest } from "./received-request.js";
import { openRequests, requestSource } from "./subscribe.js";

/** @internal */
export function createCommandsClient(connection: Connection): CommandsClient {
  return {
    async send(command, options) {
      const request = prepareRequest(connection, "commands", command, options);
      const subject = { operation: "commands.send", channel: command.channel };
      const response = await askAgain(connection, subject, request, options);
      const info = responseInfo(response);
      return response.executed ? { ok: true, ...info } : { ok: false, error: reasonOf(response), ...info };
    },

    subscribe: (filter, options) =>
      openRequests(connection, requestSource("commands", "subscribe", filter, ReceivedCommand), options),

    handle(filter, handler, options) {
      checkHandler({ operation: "commands.handle", channel: filter.channel }, handler);
      return handleRequests(
        connection,
        requestSource("commands", "handle", filter, ReceivedCommand),
        async (command) => {
          const response = await handler(command);
          // A value that a handler returns by chance, such as a count, is not a response.
          if (isError(response)) throw response; // promise: returned-error-fails
          if (isFailure(response)) {
            const { error = "the handler returned ok: false", ...reply } = response;
            return () => command.fail(error as string, reply);
          }
          const isResponse = typeof response === "object" && response !== null && !Array.isArray(response);
          return () => command.respond(isResponse ? response : {});
        },
        options,
      );
    },
  };
}

class ReceivedCommand<T> extends ReceivedRequest<T> implements IncomingCommand<T> {
  respond(response: Reply = {}, options?: CallOptions): Promise<void> {
    const outcome = () => {
      const subject = { operation: "commands.respond", channel: this.channel };
      checkNoFailure(subject, response);
      checkReply(subject, response, ["metadata", "tags", "span"]);
      const { metadata, tags, span } = response;
      return { metadata, tags, span };
    };
    return this.answer("respond", outcome, options);
  }
}
