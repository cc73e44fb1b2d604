/** The parameters in a channel name: `"id"` in `"order-{id}"`; `never` in a name without any. */
export type ChannelParameter<N extends string> = N extends `${string}{${infer P}}${infer Rest}`
  ? P | ChannelParameter<Rest>
  : never;

/**
 * A value for each parameter. A value becomes a part of the channel name: it must not be empty, and
 * must not contain dots, wildcards or white space. A number must be a whole one.
 */
export type ChannelValues<N extends string> = { readonly [P in ChannelParameter<N>]: string | number };

/**
 * Whether each parameter is a whole part between dots, as in `orders.{id}` but not `order-{id}`.
 */
export type HasWholeParameters<N extends string> = N extends `${infer Part}.${infer Rest}`
  ? IsWhole<Part> extends true
    ? HasWholeParameters<Rest>
    : false
  : IsWhole<N>;

/** Whether a part of a name is a parameter as a whole, or has none. */
export type IsWhole<Part extends string> = Part extends `${infer Before}{${string}}${infer After}`
  ? `${Before}${After}` extends ""
    ? true
    : false
  : true;

/** Whether a channel name has the wildcards `*` or `>`. */
export type HasWildcards<N extends string> = N extends `${string}${"*" | ">"}${string}` ? true : false;

/** A channel name with parameters, see {@link channel}. */
export interface ChannelTemplate<N extends string = string> {
  /** The name with its parameters in braces. */
  readonly template: N;
  /**
   * The channel name for these values.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT when a value is missing or cannot be a part of a channel
   *   name
   */
  for(values: ChannelValues<N>): string;
  /**
   * The values in the channel of a received message. Undefined when the channel is another one.
   * Every channel that `for` returns has the values that were passed to it.
   */
  parse(channel: string): Readonly<Record<ChannelParameter<N>, string>> | undefined;
}

/** A channel name for a kind without wildcards. The compiler shows the reason for refusing one. */
export type PlainName<N extends string, Kind extends string> =
  HasWildcards<N> extends true ? `${Kind}() has no wildcards` : N;
