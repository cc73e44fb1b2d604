import type { ChannelParameter, ChannelTemplate, ChannelValues } from "../api/contracts/channel.js";
import { refuse, type Subject } from "../support/checks.js";

const operation = "channel";

/**
 * A channel name with parameters in braces, for several contracts of the same name or for calls
 * without a contract. {@link queue}, {@link events} and the others also take the name itself.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when a brace does not belong to a parameter, or a
 *   parameter occurs twice
 * @example
 * const order = channel("order-{id}");
 * await client.queues.send({ channel: order.for({ id: 7 }), body: "ship" });
 */
export function channel<N extends string>(template: N): ChannelTemplate<N> {
  return new NamedChannel(template);
}

/** Whether a name has parameters, or braces that are an error. */
export function hasBraces(name: string): boolean {
  return /[{}]/.test(name);
}

class NamedChannel<N extends string> implements ChannelTemplate<N> {
  readonly template: N;
  /** Alternating: literal parts at even positions, names of parameters at odd ones. */
  readonly #parts: readonly string[];
  readonly #names: readonly string[];
  readonly #pattern: RegExp;

  constructor(template: N) {
    const subject = { operation, channel: template };
    if (typeof template !== "string") throw refuse({ operation }, "the channel name must be a string");
    const parts = template.split(/\{(\w+)\}/);
    const names = parts.filter((_, at) => at % 2 === 1);
    const literals = parts.filter((_, at) => at % 2 === 0);
    if (literals.some(hasBraces)) {
      throw refuse(subject, `braces must enclose the name of a parameter, as in "order-{id}", got "${template}"`);
    }
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) throw refuse(subject, `parameter "${twice}" must occur once, got "${template}"`);
    this.template = template;
    this.#parts = parts;
    this.#names = names;
    this.#pattern = new RegExp(`^${parts.map((part, at) => (at % 2 === 0 ? literal(part) : "([^.]+)")).join("")}$`);
  }

  for(values: ChannelValues<N>): string {
    const subject = { operation, channel: this.template };
    const given = values as Readonly<Record<string, unknown>>;
    const unknown = Object.keys(given ?? {}).find((key) => !this.#names.includes(key));
    if (unknown !== undefined) {
      throw refuse(subject, `no parameter "${unknown}": the parameters are ${this.#names.join(", ")}`);
    }
    const name = this.#parts.map((part, at) => (at % 2 === 0 ? part : filled(subject, part, given?.[part]))).join("");
    if (this.#names.length > 1) this.#checkDistinct(subject, name, given); // promise: parameters-distinct
    return name;
  }

  parse(channel: string): Readonly<Record<ChannelParameter<N>, string>> | undefined {
    const found = this.#pattern.exec(channel);
    if (found === null) return undefined;
    const values = Object.fromEntries(this.#names.map((name, at) => [name, found[at + 1]]));
    return values as Record<ChannelParameter<N>, string>;
  }

  /**
   * Refuses values whose channel is also that of other values: a receiver could not tell them
   * apart.
   */
  #checkDistinct(subject: Subject, name: string, given: Readonly<Record<string, unknown>>): void {
    const parsed = this.parse(name) as Readonly<Record<string, string>> | undefined;
    for (const parameter of this.#names) {
      const read = parsed?.[parameter];
      if (read === String(given[parameter])) continue;
      throw refuse(
        subject,
        `parameter "${parameter}" would be read as ${JSON.stringify(read)} in the channel "${name}": separate parameters by dots`,
      );
    }
  }
}

/** One value, which must not change the structure of the channel name. */
function filled(subject: Subject, name: string, value: unknown): string {
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  if (typeof value !== "string" || value === "") {
    throw refuse(subject, `parameter "${name}" must be a non-empty string or a whole number, got ${said(value)}`);
  }
  // promise: parameter-keeps-structure
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  if (/[.*>\s\u0000-\u001f\u007f-\u009f]/.test(value)) {
    throw refuse(
      subject,
      `parameter "${name}" must not contain ".", "*", ">", white space or control characters, got ${said(value)}`,
    );
  }
  return value;
}

function said(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : String(value);
}

/** A literal part as a regular expression, in which wildcards match as on the server. */
function literal(part: string): string {
  return part
    .replaceAll(/[.+?^$()|[\]\\]/g, String.raw`\$&`)
    .replaceAll("*", "[^.]+")
    .replaceAll(">", ".+");
}
