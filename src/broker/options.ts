import type { Clock } from "./clock.js";
import { systemClock } from "./clock.js";
import type { BrokerProfile, ProfileName } from "./profile.js";
import { profiles } from "./profile.js";
import { noQuirks, type QuirkOptions } from "./quirks.js";
import type { BrokerLimits } from "./service.js";

/** Options of {@link startBroker}. */
export interface BrokerOptions {
  /** Port to listen on; 0 takes a free one. @default 0 */
  readonly port?: number | undefined;
  /** Address to listen on. @default "127.0.0.1" */
  readonly host?: string | undefined;
  /**
   * The exact `authorization` value that callers must send. Ping needs none. @default none required
   */
  readonly token?: string | undefined;
  /** Certificate chain in PEM; with `key`, the broker speaks TLS. */
  readonly cert?: string | Buffer | undefined;
  /** Private key in PEM, for `cert`. */
  readonly key?: string | Buffer | undefined;
  /**
   * Certificate authorities in PEM; with them, clients must present a certificate signed by one of
   * them.
   */
  readonly ca?: string | Buffer | undefined;
  /**
   * Messages kept per stored channel; beyond the limit the oldest are removed. @default no limit
   */
  readonly maxMessages?: number | undefined;
  /**
   * How long a stored message is kept, in milliseconds. @default 86_400_000 (a day, as servers do)
   */
  readonly maxAgeMs?: number | undefined;
  /**
   * Maximum size of a message in either direction, in bytes. @default 104_857_600 (100 MiB, as
   * servers do)
   */
  readonly maxMessageBytes?: number | undefined;
  /**
   * How long a subscription may be blocked by its client before a message for it is dropped, in
   * milliseconds. KubeMQ servers drop after 2000; then a dropped event of the store counts as
   * delivered. @default never: a blocked subscription keeps its messages
   */
  readonly slowConsumerMs?: number | undefined;
  /** The source of time. @default the machine's clock */
  readonly clock?: Clock | undefined;
  /**
   * The kind of server that the broker imitates: `"community"` is the open-source server v2.4.0
   * with its defects, such as stalled polls, lost order and late subscriptions. `"newest"` is the
   * newest line of servers, read in the vendor's documents and not observed. To change single
   * settings, copy one of {@link profiles}. @default "default"
   *
   * @example
   * ```ts
   * const broker = await startBroker({ profile: "community" });
   * const prompt = await startBroker({ profile: { ...profiles.community, subscriptionDelayMs: [0, 0] } });
   * ```
   */
  readonly profile?: ProfileName | BrokerProfile | undefined;
  /** Seed of the random choices of a profile: the same seed gives the same run. @default 1 */
  readonly seed?: number | undefined;
  /** Deviations of real servers that the broker imitates. @default see {@link Quirks} */
  readonly quirks?: QuirkOptions | undefined;
  /**
   * Serves a page on 127.0.0.1 that shows the channels and their last messages, sends messages and
   * injects faults; see {@link Broker.uiUrl}. Every program on this machine that can open it
   * controls the broker. @default false
   */
  readonly ui?: boolean | UiOptions | undefined;
  /** Called at the start of every call, for logging. */
  readonly onCall?: ((rpc: string) => void) | undefined;
}

/** Options of the broker's page. */
export interface UiOptions {
  /** Port of the page on 127.0.0.1; 0 takes a free one. @default 0 */
  readonly port?: number | undefined;
}

/** Options with all defaults applied. @internal */
export interface ResolvedOptions {
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
  readonly tls: { cert: string | Buffer; key: string | Buffer; ca?: string | Buffer } | undefined;
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly profile: BrokerProfile;
  readonly seed: number;
  readonly uiPort: number | undefined;
  readonly onCall: ((rpc: string) => void) | undefined;
}

const dayMs = 86_400_000;
const mebibyte = 2 ** 20;

/** @throws TypeError when options contradict each other. @internal */
export function resolveOptions(options: BrokerOptions): ResolvedOptions {
  checkNames("", options, OPTIONS);
  checkNames("quirks.", options.quirks, Object.keys(noQuirks()));
  if (typeof options.ui === "object") checkNames("ui.", options.ui, ["port"]);
  const { cert, key, ca } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("cert and key go together: give both for TLS, or neither for plain text");
  }
  if (ca !== undefined && cert === undefined) {
    throw new TypeError("ca asks clients for certificates, which needs TLS: give cert and key too");
  }
  return {
    port: wholeNumber("port", options.port ?? 0, 0, 65_535),
    host: options.host ?? "127.0.0.1",
    token: options.token,
    tls: cert === undefined || key === undefined ? undefined : { cert, key, ...(ca && { ca }) },
    limits: {
      maxMessages: positive("maxMessages", options.maxMessages ?? Infinity),
      maxAgeMs: positive("maxAgeMs", options.maxAgeMs ?? dayMs),
      maxMessageBytes: positive("maxMessageBytes", options.maxMessageBytes ?? 100 * mebibyte),
      slowConsumerMs:
        options.slowConsumerMs === undefined ? undefined : positive("slowConsumerMs", options.slowConsumerMs),
    },
    clock: options.clock ?? systemClock,
    profile: profileOf(options.profile ?? "default"),
    seed: options.seed ?? 1,
    uiPort: uiPortOf(options.ui ?? false),
    onCall: options.onCall,
  };
}

const OPTIONS = [
  "port",
  "host",
  "token",
  "cert",
  "key",
  "ca",
  "maxMessages",
  "maxAgeMs",
  "maxMessageBytes",
  "slowConsumerMs",
  "clock",
  "profile",
  "seed",
  "quirks",
  "ui",
  "onCall",
] satisfies (keyof BrokerOptions)[];

/** A misspelt option would have no effect. */
function checkNames(prefix: string, options: object = {}, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(`unknown option "${prefix}${unknown}": the options are ${known.join(", ")}`);
}

function uiPortOf(ui: boolean | UiOptions): number | undefined {
  if (ui === false) return undefined;
  return wholeNumber("ui.port", ui === true ? 0 : (ui.port ?? 0), 0, 65_535);
}

function profileOf(profile: ProfileName | BrokerProfile): BrokerProfile {
  if (typeof profile === "object") return profile;
  if (Object.hasOwn(profiles, profile)) return profiles[profile];
  throw new TypeError(`profile is "${profile}", but must be one of ${Object.keys(profiles).join(", ")}`);
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new TypeError(`${name} is ${value}, but must be a number above 0`);
  return value;
}

function wholeNumber(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new TypeError(`${name} is ${value}, but must be a whole number from ${min} to ${max}`);
  }
  return value;
}
