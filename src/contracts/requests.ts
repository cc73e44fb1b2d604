import type { ChannelTemplate } from "../api/contracts/channel.js";
import type {
  CommandContract,
  CommandDetails,
  CommandPattern,
  PatternContracted,
  QueryContract,
  QueryDetails,
  QueryPattern,
  ContractReply,
} from "../api/contracts/contract.js";
import type { Codec } from "../api/codec.js";
import type { OutgoingCommand } from "../api/requests/commands.js";
import type { OutgoingQuery } from "../api/requests/queries.js";
import type { Reply } from "../api/requests/response.js";
import { checkChannelFilter } from "../support/checks.js";
import { checkKnown } from "../support/names/known.js";
import { checkCodecs } from "./codec.js";
import { define } from "./define.js";
import { checkDetails } from "./details.js";
import { form } from "./form.js";
import { madeBy } from "../support/message/contract-kind.js";

/**
 * A contract for commands. A channel name with wildcards makes a pattern, which only subscribes and
 * handles. A name with parameters, such as `doors.{room}`, makes a template: `for({ room })` is the
 * contract of one channel, and `all` handles every channel.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when the channel name is not valid
 * @example
 * export const door = command("door", { request: json(Door) });
 * const result = await client.commands.send(door, { open: true });
 */
export function command<N extends string, T, A>(
  channel: N | ChannelTemplate<N>,
  codecs: { readonly request: Codec<T, A> },
): PatternContracted<N, CommandContract<T, A>, CommandPattern<T, A>> {
  const operation = "command";
  checkCodecs(operation, channel, codecs, ["request"]);
  const { request } = codecs;
  return define(channel, {
    kind: "commands",
    operation,
    check: checkChannelFilter,
    contract: (name) => new DefinedCommand(name, request),
    pattern: (name) => new DefinedCommandPattern(name, request),
  }) as PatternContracted<N, CommandContract<T, A>, CommandPattern<T, A>>;
}

/**
 * A contract for queries and their responses. A channel name with wildcards makes a pattern, which
 * only subscribes and handles. A name with parameters, such as `prices.{region}`, makes a template:
 * `for({ region })` is the contract of one channel, and `all` handles every channel.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when the channel name is not valid
 * @example
 * export const price = query("price", { request: text, response: json(Price) });
 * const answer = await client.queries.send(price, "table");
 */
export function query<N extends string, T, R, A, B>(
  channel: N | ChannelTemplate<N>,
  codecs: { readonly request: Codec<T, A>; readonly response: Codec<R, B> },
): PatternContracted<N, QueryContract<T, R, A, B>, QueryPattern<T, R, A, B>> {
  const operation = "query";
  checkCodecs(operation, channel, codecs, ["request", "response"]);
  const { request, response } = codecs;
  return define(channel, {
    kind: "queries",
    operation,
    check: checkChannelFilter,
    contract: (name) => new DefinedQuery(name, request, response),
    pattern: (name) => new DefinedQueryPattern(name, request, response),
  }) as PatternContracted<N, QueryContract<T, R, A, B>, QueryPattern<T, R, A, B>>;
}

class DefinedCommandPattern<T, A> implements CommandPattern<T, A> {
  readonly kind = "commands";
  readonly name: string;
  readonly request: Codec<T, A>;

  constructor(name: string, request: Codec<T, A>) {
    this.name = name;
    this.request = request;
  }

  get [form](): "pattern" | "contract" {
    return "pattern";
  }
}

class DefinedCommand<T, A> extends DefinedCommandPattern<T, A> implements CommandContract<T, A> {
  override get [form](): "contract" {
    return "contract";
  }

  message(value: A, details?: CommandDetails): OutgoingCommand<A> {
    checkDetails("command.message", this.name, details, ["span"]);
    return { ...details, ...madeBy(this.kind), channel: this.name, body: value, codec: this.request };
  }
}

class DefinedQueryPattern<T, R, A, B> implements QueryPattern<T, R, A, B> {
  readonly kind = "queries";
  readonly name: string;
  readonly request: Codec<T, A>;
  readonly response: Codec<R, B>;

  constructor(name: string, request: Codec<T, A>, response: Codec<R, B>) {
    this.name = name;
    this.request = request;
    this.response = response;
  }

  get [form](): "pattern" | "contract" {
    return "pattern";
  }

  reply(value: B, details?: Reply): ContractReply<B> {
    checkKnown({ operation: "query.reply", channel: this.name }, "", details, ["metadata", "tags", "span"]);
    return { ...details, body: value, codec: this.response };
  }
}

class DefinedQuery<T, R, A, B> extends DefinedQueryPattern<T, R, A, B> implements QueryContract<T, R, A, B> {
  override get [form](): "contract" {
    return "contract";
  }

  message(value: A, details?: QueryDetails): OutgoingQuery<A, R> {
    const { name, request, response } = this;
    checkDetails("query.message", name, details, ["span", "cache"], { cache: ["key", "ttlSeconds"] });
    return {
      ...details,
      ...madeBy(this.kind),
      channel: name,
      body: value,
      codec: request,
      responseCodec: response,
    };
  }
}
