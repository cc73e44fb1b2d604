import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import {
  isUnprocessed,
  TransportError,
  type TransportFault,
  transportFault,
} from "../../src/support/transport-error.js";
import { withFault } from "../support/connect-faults.js";
import { serverError, toKubeMQError } from "../../src/support/faults.js";

const subject = { operation: "events.subscribe", channel: "c" };

describe("conversion of an error to a KubeMQError", () => {
  test.each([Code.Canceled, Code.Aborted, Code.Unavailable])(
    "gRPC code %i for a lost connection becomes UNAVAILABLE and retryable",
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
  ])("a server's message about its own trouble becomes UNAVAILABLE and retryable: %s", (text) => {
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
    [443, "REJECTED_BY_SERVER", false],
    [499, "REJECTED_BY_SERVER", false],
    [500, "INTERNAL", false],
  ])("the number in a server's message decides, whatever its gRPC code: %i is %s", (serverCode, code, retryable) => {
    for (const grpc of [Code.Internal, Code.Unknown, Code.Unavailable]) {
      const error = toKubeMQError(new ConnectError(`Error ${serverCode}: so it is`, grpc), subject);
      expect(error).toMatchObject({ code, serverCode, retryable });
    }
  });

  test.each(["protocol error: missing status", "missing trailer", "http/2 stream closed with error code CANCEL (0x8)"])(
    "a stream that was cut off, as Connect's own transport tells it, is UNAVAILABLE, to be tried again: %s",
    (text) => {
      expect(toKubeMQError(withFault(new ConnectError(text, Code.Internal)), subject)).toMatchObject({
        code: "UNAVAILABLE",
        retryable: true,
      });
    },
  );

  test.each<[TransportFault, string, boolean]>([
    [{ kind: "no-connection" }, "UNAVAILABLE", true],
    [{ kind: "lost", unprocessed: false }, "UNAVAILABLE", true],
    [{ kind: "reset", rstCode: 2, unprocessed: false }, "UNAVAILABLE", true],
    [{ kind: "deadline" }, "TIMEOUT", false],
    [{ kind: "too-large", direction: "received", byteLength: 2, maxBytes: 1 }, "RESOURCE_EXHAUSTED", false],
    [{ kind: "protocol" }, "PROTOCOL", false],
    [{ kind: "unsendable" }, "INTERNAL", false],
  ])(
    "the transport's own fault decides, whatever its message and its gRPC code: %j is %s",
    (fault, code, retryable) => {
      for (const message of ["any", "Error 414: any", "protocol error: any"]) {
        for (const grpc of [Code.Internal, Code.Unknown, Code.NotFound]) {
          const error = toKubeMQError(new TransportError(fault, grpc, message), subject);
          expect(error).toMatchObject({ code, retryable });
          expect(transportFault(error)).toBe(fault);
        }
      }
    },
  );

  test("the server's message decides before the gRPC code", () => {
    const refused = (message: string) =>
      toKubeMQError(
        new TransportError({ kind: "grpc-status", grpcCode: Code.NotFound }, Code.NotFound, message),
        subject,
      );
    expect(refused("Error 414: not you").code).toBe("PERMISSION_DENIED");
    expect(refused("protocol error: missing").code).toBe("NOT_FOUND");
  });

  test.each<[TransportFault, boolean]>([
    [{ kind: "no-connection" }, true],
    [{ kind: "unsendable" }, true],
    [{ kind: "lost", unprocessed: true }, true],
    [{ kind: "lost", unprocessed: false }, false],
    [{ kind: "reset", rstCode: 7, unprocessed: true }, true],
    [{ kind: "reset", rstCode: 8, unprocessed: false }, false],
    [{ kind: "grpc-status", grpcCode: Code.Unavailable }, false],
    [{ kind: "http-status", httpStatus: 503 }, false],
    [{ kind: "deadline" }, false],
    [{ kind: "canceled" }, false],
  ])("the fault says whether a server provably did not process a call: %j: %s", (fault, unprocessed) => {
    expect(isUnprocessed(toKubeMQError(new TransportError(fault, Code.Unknown, "any"), subject))).toBe(unprocessed);
    expect(isUnprocessed(new Error("no fault"))).toBe(false);
  });

  test("a refusal without a reason is reported as such", () => {
    expect(serverError("", subject).message).toMatch(/refused without a reason/);
  });

  test("an error of another realm is recognised by its shape", () => {
    // An error of Node.js in a jest sandbox: neither an Error nor a ConnectError, but with their
    // properties.
    const cause = { code: "ECONNREFUSED", message: "connect ECONNREFUSED 127.0.0.1:1" };
    const foreign = { code: Code.Internal, rawMessage: "connect ECONNREFUSED 127.0.0.1:1", cause };
    const error = toKubeMQError(foreign, subject);
    expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true });
    expect(error.message).toContain("ECONNREFUSED 127.0.0.1:1; is a server running there?");
    expect(toKubeMQError({ code: Code.NotFound, rawMessage: "no such thing" }, subject)).toMatchObject({
      code: "NOT_FOUND",
    });
  });
});
