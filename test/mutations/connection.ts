import type { Chapter } from "./promise.js";

const connection = "src/connection/connection.ts";
const lifetime = "src/transport/session/lifetime.ts";
const leavingRoom = "src/transport/session/leaving.ts";
const liveness = "src/connection/liveness.ts";
const state = "src/connection/state.ts";
const token = "src/connection/token.ts";
const fault = "src/support/faults.ts";
const check = "src/support/checks.ts";
const options = "src/connection/options.ts";
const connectionTest = "test/connection/connection.test.ts";
const livenessTest = "test/connection/liveness.test.ts";
const stateTest = "test/connection/state.test.ts";
const tokenTest = "test/connection/token.test.ts";
const faultTest = "test/unit/fault.test.ts";
const eventsTest = "test/events/events.test.ts";

export const calls: Chapter = {
  title: "Calls",
  promises: [
    {
      promise: "an aborted call rejects with `signal.reason`",
      file: connection,
      find: "if (controller?.signal.aborted === true) throw signal?.reason;",
      replace: "",
      test: connectionTest,
      name: "rejects with the reason of its signal, before and after it began",
    },
    {
      promise: "a signal that has aborted before: no call is made",
      file: connection,
      find: "if (signal?.aborted === true) throw signal.reason;",
      replace: "",
      test: connectionTest,
      name: "rejects with the reason of its signal, before and after it began",
    },
    {
      promise: "a call that was lost is never sent again, and says that it may be",
      file: connection,
      find: "if (!this.#wantsFreshToken(failed, header)) throw failed;",
      replace: "if (!failed.retryable) throw failed;",
      test: connectionTest,
      name: "that was lost is never sent again, and says that it may be tried again",
    },
    {
      promise: "`timeoutMs` bounds calls, not streams",
      file: connection,
      find: "await this.#session.transport.stream(method, signal, 0, ",
      replace: "await this.#session.transport.stream(method, signal, this.options.timeoutMs, ",
      test: connectionTest,
      name: "has no deadline, whatever the time-out of calls is",
    },
    {
      promise:
        "a lost connection is `UNAVAILABLE` in other realms, too: causes are recognised by their shape, as under jest",
      file: fault,
      find: "const node = nodeFault(error);",
      replace: "const node = undefined;",
      test: faultTest,
      name: "an error of another realm is recognised by its shape",
    },
    {
      promise: "a ClientID that is still taken by a subscription that has just died is tried again",
      file: fault,
      find: "clientID already registered|",
      replace: "",
      test: faultTest,
      name: "what a server says of its own trouble is UNAVAILABLE, to be tried again",
    },
    {
      promise: "a text of the server decides before the gRPC code does",
      file: fault,
      find: "if (told !== undefined) return fault(told.code, subject, text, { ...told.details, cause: error });",
      replace: "",
      test: faultTest,
      name: "the number of a server's text decides, whatever its gRPC code",
    },
  ],
};

export const closing: Chapter = {
  title: "Closing",
  promises: [
    {
      promise: "`close()` ends within its bound, whatever hangs",
      file: connection,
      find: "await within(this.clock, boundMs, finished);",
      replace: "await finished;",
      test: connectionTest,
      name: "cancels what is not finished within its bound",
    },
    {
      promise: "a bound may be any number: an endless one is long, and not none",
      file: connection,
      find: "Math.min(Math.max(timeoutMs, 0) || 0, MAX_TIMER_MS)",
      replace: "0",
      test: connectionTest,
      name: "takes any number as its bound",
    },
    {
      promise: "running calls may finish within the bound",
      file: connection,
      find: ".then(idle);",
      replace: ";",
      test: connectionTest,
      name: "lets a running call finish, and ends loops quietly meanwhile",
    },
    {
      promise: "it does not wait for the client's own pings",
      file: connection,
      find: "if (!background) this.#calls += 1;",
      replace: "this.#calls += 1;",
      test: connectionTest,
      name: "does not wait for its own pings",
    },
    {
      promise: "called twice or concurrently it is one close",
      file: connection,
      find: "this.#closed ??= this.#close(timeoutMs);",
      replace: "this.#closed = this.#close(timeoutMs);",
      test: connectionTest,
      name: "of a client that was never used, twice and concurrently",
    },
    {
      promise: "what comes after it is refused with `CLIENT_CLOSED`",
      file: connection,
      find: `if (this.#phase === "closed" || (this.#phase === "closing" && !settles)) throw clientClosed(subject);`,
      replace: "",
      test: connectionTest,
      name: "refuses what comes after it, synchronously for streams",
    },
    {
      promise: "what is left is cancelled, and its streams end quietly",
      file: connection,
      find: "for (const stream of this.#streams) stream.cancel();",
      replace: "",
      test: "test/events/publisher.test.ts",
      name: "who does not await is refused when 100,000 wait",
    },
    {
      promise: "the connection is closed, so that the process can end",
      file: connection,
      find: "    this.#session.abort();",
      replace: "",
      test: connectionTest,
      name: "closes the connection, so that nothing holds the process",
    },
    {
      promise: "a process whose client was closed ends by itself within a second, in whatever state it was",
      file: connection,
      find: "    this.#session.abort();",
      replace: "    void 0;",
      test: "test/reliability/close.test.ts",
      name: "a process whose client was closed, twice and concurrently, ends by itself within a second",
    },
    {
      promise: "the readers of `status()` end, after the last entry",
      file: connection,
      find: "this.status.end();",
      replace: "",
      test: connectionTest,
      name: "of a client that was never used, twice and concurrently",
    },
  ],
};

export const living: Chapter = {
  title: "Liveness and state",
  promises: [
    {
      promise: "a stream whose connection is given up for another, unknown to it, comes back on the other",
      file: lifetime,
      find: "for (const older of sessions) if (!leaving.has(older)) cutSocket(older);",
      replace: "",
      test: "test/reliability/forgotten.test.ts",
      name: "comes back on the other",
    },
    {
      promise:
        "a connection that the server has asked to leave, and on which streams go on, is watched too: when it falls silent they come back on the next one",
      file: leavingRoom,
      find: "if (socket.bytesRead === bytesRead) socket.destroy();",
      replace: "",
      test: "test/reliability/asked-to-leave.test.ts",
      name: "falls silent: its loops come back on the next one within interval and time-out, and lose nothing",
    },
    {
      promise: "while it lives it is left alone, however long it is silent",
      file: leavingRoom,
      find: "session.settings({}, settle);",
      replace: "",
      test: "test/reliability/asked-to-leave.test.ts",
      name: "is left alone while it lives, however long it is silent",
    },
    {
      promise: "a server that falls silent within a header block does not end the process",
      file: lifetime,
      find: "parts.set(session, values);",
      replace: "",
      test: "test/reliability/fuzz.test.ts",
      name: "falls silent within a header block",
    },
    {
      promise: "a connection that is silent for `intervalMs` and does not answer a ping within `timeoutMs` is dead",
      file: liveness,
      find: "if (silent && this.#cancel === check) this.#watched.dead();",
      replace: "",
      test: livenessTest,
      name: "an unanswered ping means that the connection is dead, within interval and time-out",
    },
    {
      promise: "then every stream on it comes back on a new connection",
      file: connection,
      find: "dead: () => this.#session.abort(),",
      replace: "dead: () => {},",
      test: connectionTest,
      name: "ends a connection that does not answer, and its streams come back",
    },
    {
      promise: "no matter which way of the connection is dead, what was confirmed arrives",
      file: connection,
      find: "dead: () => this.#session.abort(),",
      replace: "dead: () => undefined,",
      test: "test/reliability/restart.test.ts",
      name: "notices a half-open connection within interval and time-out, and loses nothing",
    },
    {
      promise: "any other answer meanwhile means that it lives",
      file: liveness,
      find: " && this.#watched.lastReceived() < since",
      replace: "",
      test: livenessTest,
      name: "another answer meanwhile means that it lives",
    },
    {
      promise: "a refused ping is an answer",
      file: liveness,
      find: `KubeMQError.is(error, "TIMEOUT") && `,
      replace: "",
      test: livenessTest,
      name: "is no silence",
    },
    {
      promise: "a ping that crosses the server's GOAWAY, and so is refused, does not cost the streams that go on",
      file: liveness,
      find: `KubeMQError.is(error, "TIMEOUT")`,
      replace: `KubeMQError.is(error, "UNAVAILABLE", "TIMEOUT")`,
      test: livenessTest,
      name: "is no silence",
    },
    {
      promise: "a busy connection is not pinged",
      file: liveness,
      find: "if (silentMs < this.#settings.intervalMs)",
      replace: "if (silentMs < 0)",
      test: livenessTest,
      name: "pings after a silent interval only",
    },
    {
      promise: "a client without open streams does not ping, and holds no timer",
      file: connection,
      find: "if (this.#streams.size === 0) this.#liveness?.stop();",
      replace: "",
      test: connectionTest,
      name: "runs while a stream is open and silent, and not otherwise",
    },
    {
      promise: "`state` is `reconnecting` while any stream is down",
      file: state,
      find: `if (this.#some("down")) return "reconnecting";`,
      replace: "",
      test: stateTest,
      name: "one stream of two that is down makes the client reconnecting, also when the other is heard",
    },
    {
      promise: "`state` does not call a connection lost for one failed call while streams are up on it",
      file: state,
      find: `if (error === undefined || this.#some("up")) return;`,
      replace: "if (error === undefined) return;",
      test: stateTest,
      name: "a call that fails while streams are up is no proof, unless they go as well",
    },
    {
      promise: "`state` is `ready` only after the server has answered",
      file: state,
      find: `if (this.#answered) return "ready";`,
      replace: `return "ready";`,
      test: stateTest,
      name: "a call that is not answered leaves nothing behind",
    },
  ],
};

export const credentials: Chapter = {
  title: "Tokens and certificates",
  promises: [
    {
      promise: "a refused token is fetched anew once; refused again, it is the end: no storm",
      file: token,
      find: "if (this.#lastTries.has(used)) return false;",
      replace: "",
      test: tokenTest,
      name: "a refused token is fetched anew once; then it is the end, until the next call",
    },
    {
      promise: "all calls that wait for a token share one call of the provider",
      file: token,
      find: "this.#fetching ??= ",
      replace: "this.#fetching = ",
      test: tokenTest,
      name: "a provider is asked once for all who wait, and not again while its token is good",
    },
    {
      promise: "a token is fetched anew when it has expired",
      file: token,
      find: " && Date.now() < this.#expiresAt",
      replace: "",
      test: tokenTest,
      name: "an expired token is fetched anew",
    },
    {
      promise: "a provider that never answers is bounded by the time-out of the call",
      file: connection,
      find: "if (timeoutMs > 0) free.push(this.clock.setTimer(timeoutMs, () => end(() => reject(late()))));",
      replace: "",
      test: connectionTest,
      name: "a provider that never answers is bounded by the time-out, by the signal, and by close()",
    },
    {
      promise: "a static token that is refused is `UNAUTHENTICATED`, at once and for good",
      file: token,
      find: `if (typeof this.#source !== "function" || used === undefined) return false;`,
      replace: "if (used === undefined) return false;",
      test: tokenTest,
      name: "a text travels as it is, and a refusal of it is final",
    },
    {
      promise: "a token does not travel in plain text to another machine unless you say so",
      file: options,
      find: "if (options.authToken !== undefined && tls === undefined) refuseTokenInClear(options.tls, address);",
      replace: "",
      test: "test/unit/options.test.ts",
      name: "what contradicts itself is refused",
    },
    {
      promise: "an answered ping proves no token: servers answer it whatever its token is",
      file: connection,
      find: "this.heard(method.name === pingMethod.name ? undefined : header);",
      replace: "this.heard(header);",
      test: connectionTest,
      name: "a wrong token costs two calls and ends with UNAUTHENTICATED, though pings are answered",
    },
    {
      promise: "a server's certificate that is refused does not cost a token",
      file: fault,
      find: " && nodeFault(error.cause) === undefined",
      replace: "",
      test: "test/connection/tls-faults.test.ts",
      name: "CERT_HAS_EXPIRED",
    },
    {
      promise: "a key that is not the certificate's is refused at construction",
      file: options,
      find: "createSecureContext({",
      replace: "Object({",
      test: "test/unit/options.test.ts",
      name: "a key of another certificate",
    },
    {
      promise: "certificates that are given as paths are read anew for each connection",
      file: options,
      find: "  return read;",
      replace: "  const once = read();\n  return () => once;",
      test: "test/reliability/refusals.test.ts",
      name: "certificates given as paths are read anew when the connection is",
    },
    {
      promise: "what is wrong with a certificate is said in words",
      file: fault,
      find: `case "CERT_HAS_EXPIRED":`,
      replace: `case "":`,
      test: "test/connection/tls-faults.test.ts",
      name: "what TLS refuses is told in words",
    },
  ],
};

export const limits: Chapter = {
  title: "Limits and bad input",
  promises: [
    {
      promise: "a message larger than `maxMessageBytes` is refused before a byte is sent",
      file: check,
      find: "if (size > maxMessageBytes) {",
      replace: "if (size < 0) {",
      test: eventsTest,
      name: "a body of 101 MiB",
    },
    {
      promise: "a received message above the limit is refused by its header, before memory is asked for",
      file: "src/transport/envelopes.ts",
      find: "if (size > this.maxBytes) {",
      replace: "if (size < 0) {",
      test: "test/transport/envelopes.test.ts",
      name: "a message above the limit is refused by its header alone",
    },
    {
      promise:
        "control characters in a channel are refused: one would kill a connection that all clients of a server share",
      file: check,
      find: "if (/[\\s\\u0000-\\u001f\\u007f-\\u009f]/.test(channel)) {",
      replace: "if (/ /.test(channel)) {",
      test: eventsTest,
      name: "a newline",
    },
    {
      promise: "a wildcard in a channel to send to is refused",
      file: check,
      find: "if (/[*>]/.test(channel)) {",
      replace: "if (channel === undefined) {",
      test: eventsTest,
      name: "a wildcard",
    },
    {
      promise: "a `clientId` that a server's store cannot take is refused",
      file: options,
      find: "if (!/^[A-Za-z0-9_-]+$/.test(clientId)) {",
      replace: `if (clientId === "") {`,
      test: "test/events/store-input.test.ts",
      name: "clientId: ",
    },
    {
      promise: "sends that wait for room are bounded, and refused beyond",
      file: "src/stream/uplink.ts",
      find: "if (this.senders.length >= MOST_WAITING) {",
      replace: "if (this.senders.length < 0) {",
      test: "test/stream/uplink.test.ts",
      name: "refuses to hold more waiting senders than its bound",
    },
  ],
};

const stream = "src/transport/stream.ts";
const unary = "src/transport/unary.ts";
const incoming = "src/transport/incoming.ts";
const listener = "src/transport/listener.ts";
const edgesTest = "test/transport/edges.test.ts";
const listenerTest = "test/transport/listener.test.ts";

export const transport: Chapter = {
  title: "On the wire",
  promises: [
    {
      promise: "a stream that is left is reset",
      file: stream,
      find: "resetSoon(stream, session, rstCode);",
      replace: "",
      test: edgesTest,
      name: "what is buffered at an abort is dropped",
    },
    {
      promise:
        "a call that is aborted is reset with CANCEL, whatever the reason of the abort: anything else is an error to the server",
      file: unary,
      find: "rstCode: number = constants.NGHTTP2_CANCEL): void {",
      replace: "rstCode: number = constants.NGHTTP2_INTERNAL_ERROR): void {",
      test: edgesTest,
      name: "a plain error as the reason resets with CANCEL too",
    },
    {
      promise: "what was received and not read is dropped at an abort",
      file: stream,
      find: "this.incoming.drop(error);",
      replace: "",
      test: edgesTest,
      name: "what is buffered at an abort is dropped",
    },
    {
      promise: "a call that has ended leaves no listener on its signal",
      file: stream,
      find: `this.call.signal?.removeEventListener("abort", this.onAbort);`,
      replace: "",
      test: edgesTest,
      name: "every way out of a call takes its listener with it",
    },
    {
      promise: "a deadline ends its call",
      file: unary,
      find: "if (deadlineMs !== undefined) this.timer = setTimeout(this.onDeadline, deadlineMs);",
      replace: "",
      test: edgesTest,
      name: "a deadline resets with CANCEL",
    },
    {
      promise: "a reader that stands still stops the server: nothing is read above a mark",
      file: incoming,
      find: "this.flow.pause();",
      replace: "",
      test: edgesTest,
      name: "flow control",
    },
    {
      promise: "and reading goes on when it moves",
      file: incoming,
      find: "this.flow.resume();",
      replace: "",
      test: edgesTest,
      name: "flow control",
    },
    {
      promise: "also when nothing came while it stood still",
      file: listener,
      find: "return !this.isPaused() || usualPush.call(this, nothing);",
      replace: "return !this.isPaused();",
      test: listenerTest,
      name: "and more than the window holds, after a pause in which nothing came",
    },
    {
      promise: "what was held back meanwhile comes before what comes later",
      file: listener,
      find: " || this.readableLength > 0",
      replace: "",
      test: listenerTest,
      name: "does not overtake what was held back while the stream was paused",
    },
    {
      promise: "a stream that ends in the middle of a message is a protocol error, not an end",
      file: stream,
      find: "else if (status.error === undefined && !this.splitter.atBoundary) {",
      replace: "else if (status.error === null) {",
      test: "test/transport/differential.test.ts",
      name: "half a message and OK",
    },
    {
      promise: "a stream that ends without a status is a lost connection, not an end",
      file: stream,
      find: "if (status === undefined) this.finish(this.lost());",
      replace: "if (status === undefined) this.finish(undefined);",
      test: "test/transport/differential.test.ts",
      name: "a message and no trailers",
    },
  ],
};
