import type { OutgoingHttpHeaders } from "node:http2";

/** Headers of every request: static, or made anew for each call (a token that rotates). */
export type HeaderSource = () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;

/** What Connect takes as the headers of a call. */
export type HeadersLike = ConstructorParameters<typeof Headers>[0] | undefined;

/** What gRPC itself asks for; nobody overrides these. */
const protocol = { "content-type": "application/grpc+proto", te: "trailers" } as const;

/** setTimeout fires at once above this. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The deadline of a call in milliseconds; undefined for none. */
export function deadlineOf(timeoutMs: number | undefined): number | undefined {
  if (timeoutMs === undefined || !(timeoutMs > 0)) return undefined;
  return Math.min(Math.ceil(timeoutMs), LONGEST_TIMER_MS);
}

/** The value of grpc-timeout: at most eight digits and a unit, so that a long deadline is told in seconds. */
export function grpcTimeout(deadlineMs: number): string {
  return deadlineMs < 100_000_000 ? `${deadlineMs}m` : `${Math.floor(deadlineMs / 1000)}S`;
}

/** Builds the header block of a request. */
export class RequestHeaders {
  private readonly base: OutgoingHttpHeaders;

  constructor(
    userAgent: string,
    private readonly source: HeaderSource | undefined,
  ) {
    this.base = { "user-agent": userAgent, ...protocol };
  }

  /** A promise only when the header source gives one. */
  of(header: HeadersLike, deadlineMs: number | undefined): OutgoingHttpHeaders | Promise<OutgoingHttpHeaders> {
    const sourced = this.source?.();
    if (sourced === undefined) return this.compose({}, header, deadlineMs);
    if (isPromise(sourced)) return sourced.then((resolved) => this.compose(resolved, header, deadlineMs));
    return this.compose(sourced, header, deadlineMs);
  }

  private compose(
    sourced: Readonly<Record<string, string>>,
    header: HeadersLike,
    deadlineMs: number | undefined,
  ): OutgoingHttpHeaders {
    const result: OutgoingHttpHeaders = { ...this.base, ...sourced };
    if (header !== undefined) {
      new Headers(header).forEach((value, name) => {
        if (!(name in protocol)) result[name] = value;
      });
    }
    if (deadlineMs !== undefined) result["grpc-timeout"] = grpcTimeout(deadlineMs);
    return result;
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && "then" in value;
}
