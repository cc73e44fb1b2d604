import type { OutgoingHttpHeaders } from "node:http2";
/** The types of headers that Connect accepts. */
export type HeadersLike = ConstructorParameters<typeof Headers>[0] | undefined;

/** Headers that gRPC requires; callers cannot override them. */
const protocol = { "content-type": "application/grpc+proto", te: "trailers" } as const;

/** Maximum delay of setTimeout, in milliseconds; a longer timer fires immediately. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The deadline of a call in milliseconds; undefined for none. */
export function deadlineOf(timeoutMs: number | undefined): number | undefined {
  if (timeoutMs === undefined || !(timeoutMs > 0)) return undefined;
  return Math.min(Math.ceil(timeoutMs), LONGEST_TIMER_MS);
}

/**
 * The value of grpc-timeout: at most eight digits and a unit, so a long deadline is sent in
 * seconds.
 */
export function grpcTimeout(deadlineMs: number): string {
  return deadlineMs < 100_000_000 ? `${deadlineMs}m` : `${Math.floor(deadlineMs / 1000)}S`;
}

/** Creates the header block of each request. */
export class RequestHeaders {
  /**
   * The last immutable header, such as the token's. Most calls use the same one, and reading it
   * costs more than the rest of the block.
   */
  #last: HeadersLike;
  #lastFields: Readonly<Record<string, string>> = {};

  of(header: HeadersLike, deadlineMs: number | undefined): OutgoingHttpHeaders {
    const result: OutgoingHttpHeaders = {
      "user-agent": "kubemq-es",
      "content-type": protocol["content-type"],
      te: protocol.te,
    };
    if (header !== undefined) Object.assign(result, header === this.#last ? this.#lastFields : this.#fieldsOf(header));
    if (deadlineMs !== undefined) result["grpc-timeout"] = grpcTimeout(deadlineMs);
    return result;
  }

  #fieldsOf(header: HeadersLike): Readonly<Record<string, string>> {
    const fields: Record<string, string> = {};
    new Headers(header).forEach((value, name) => {
      if (!(name in protocol)) fields[name] = value;
    });
    if (Object.isFrozen(header)) {
      this.#last = header;
      this.#lastFields = fields;
    }
    return fields;
  }
}
