import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { serverError, toKubeMQError } from "../../src/support/faults.js";

const subject = { operation: "events.subscribe", channel: "c" };

describe("an error becomes a KubeMQError", () => {
  test.each([Code.Canceled, Code.Aborted, Code.Unavailable])(
    "what gRPC says of a lost connection is UNAVAILABLE, to be tried again: %i",
    (code) => {
      const error = toKubeMQError(new ConnectError("the stream was cancelled", code), subject);
      expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true, channel: "c" });
    },
  );

  test.each([
    "stan: clientID already registered",
    "grpc server is not ready",
    "nats: connection closed",
    "stan: publish ack timeout",
  ])("what a server says of its own trouble is UNAVAILABLE, to be tried again: %s", (text) => {
    for (const code of [Code.Internal, Code.Unknown]) {
      expect(toKubeMQError(new ConnectError(text, code), subject)).toMatchObject({
        code: "UNAVAILABLE",
        retryable: true,
      });
    }
  });

  test.each([
    [301, "TIMEOUT", false],
    [138, "TIMEOUT", false],
    [129, "LEASE_LOST", false],
    [302, "UNAVAILABLE", true],
    [409, "UNAVAILABLE", true],
    [414, "PERMISSION_DENIED", false],
    [413, "UNAUTHENTICATED", false],
    [102, "REJECTED_BY_SERVER", false],
    [500, "INTERNAL", false],
  ])("the number of a server's text decides, whatever its gRPC code: %i is %s", (serverCode, code, retryable) => {
    for (const grpc of [Code.Internal, Code.Unknown, Code.Unavailable]) {
      const error = toKubeMQError(new ConnectError(`Error ${serverCode}: so it is`, grpc), subject);
      expect(error).toMatchObject({ code, serverCode, retryable });
    }
  });

  test.each(["protocol error: missing status", "missing trailer", "http/2 stream closed with error code CANCEL (0x8)"])(
    "a stream that was cut off, as Connect's own transport tells it, is UNAVAILABLE, to be tried again: %s",
    (text) => {
      expect(toKubeMQError(new ConnectError(text, Code.Internal), subject)).toMatchObject({
        code: "UNAVAILABLE",
        retryable: true,
      });
    },
  );

  test("a server that refuses without a reason is said to do so", () => {
    expect(serverError("", subject).message).toMatch(/refused without a reason/);
  });

  test("an error of another realm is recognised by its shape", () => {
    // What a jest sandbox makes of an error of Node.js: no Error, no ConnectError, but all that either has.
    const cause = { code: "ECONNREFUSED", message: "connect ECONNREFUSED 127.0.0.1:1" };
    const foreign = { code: Code.Internal, rawMessage: "connect ECONNREFUSED 127.0.0.1:1", cause };
    expect(toKubeMQError(foreign, subject)).toMatchObject({ code: "UNAVAILABLE", retryable: true });
    expect(toKubeMQError({ code: Code.NotFound, rawMessage: "no such thing" }, subject)).toMatchObject({
      code: "NOT_FOUND",
    });
  });
});
