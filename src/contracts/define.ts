import type { ChannelTemplate, ChannelValues } from "../api/contracts/channel.js";
import type { WildcardTemplate } from "../api/contracts/contract.js";
import type { ChannelKind } from "../api/server.js";
import { refuse } from "../support/checks.js";
import { channel as channelTemplate, hasBraces } from "./channel.js";
import { form } from "./form.js";

/** How one kind of contract is made. */
export interface Maker<C, Pattern> {
  readonly kind: ChannelKind;
  /** The name of the builder, for its errors. */
  readonly operation: string;
  /** Refuses a channel name that this kind does not allow. */
  check(operation: string, channel: string): void;
  contract(channel: string): C;
  /** Absent where this kind has no wildcards. */
  pattern?(channel: string): Pattern;
}

/** A contract, a pattern or a template, as the name has wildcards or parameters. */
export function define<N extends string, C, Pattern>(name: N | ChannelTemplate<N>, maker: Maker<C, Pattern>): unknown {
  const template = typeof name === "string" ? name : name?.template;
  if (typeof template !== "string") {
    throw refuse({ operation: maker.operation }, "the channel name must be a string, or made by channel()");
  }
  if (!hasBraces(template)) return resolve(maker, template);
  const channel = typeof name === "string" ? channelTemplate(name) : name;
  resolve(maker, template.replaceAll(/\{\w+\}/g, "x")); // refuses a name that is invalid with any values
  return new DefinedTemplate(channel, maker);
}

function resolve<C, Pattern>(maker: Maker<C, Pattern>, channel: string): C | Pattern {
  maker.check(maker.operation, channel);
  return maker.pattern !== undefined && /[*>]/.test(channel) ? maker.pattern(channel) : maker.contract(channel);
}

class DefinedTemplate<N extends string, C, Pattern> implements WildcardTemplate<N, C | Pattern, Pattern> {
  readonly kind: ChannelKind;
  readonly template: N;
  readonly #channel: ChannelTemplate<N>;
  readonly #maker: Maker<C, Pattern>;

  constructor(channel: ChannelTemplate<N>, maker: Maker<C, Pattern>) {
    this.kind = maker.kind;
    this.template = channel.template;
    this.#channel = channel;
    this.#maker = maker;
  }

  get [form](): "template" {
    return "template";
  }

  /** Like the name of a contract, for errors. */
  get name(): string {
    return this.template;
  }

  get all(): Pattern {
    const maker = this.#maker;
    const subject = { operation: maker.operation, channel: this.template };
    if (maker.pattern === undefined) throw refuse(subject, `${this.kind} have no wildcards: use for()`);
    const isWhole = this.template.split(".").every((part) => !hasBraces(part) || /^\{\w+\}$/.test(part));
    // promise: wildcard-replaces-whole-part
    if (!isWhole) {
      throw refuse(subject, "a wildcard replaces a whole part between dots, and a parameter here is less: use for()");
    }
    return maker.pattern(this.template.replaceAll(/\{\w+\}/g, "*"));
  }

  for(values: ChannelValues<N>): C | Pattern {
    return resolve(this.#maker, this.#channel.for(values));
  }

  parse(channel: string): ReturnType<ChannelTemplate<N>["parse"]> {
    return this.#channel.parse(channel);
  }
}
