import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Code, ConnectError, createClient, createContextKey, createContextValues } from "@connectrpc/connect";
import { decodeBinaryHeader, encodeBinaryHeader, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { type ErrorCode, KubeMQError } from "kubemq-es";
import { kubemqTransport, serve } from "kubemq-es/connect";
import { type GreetRequest, GreetService, UnknownLanguageSchema } from "../../examples/rpc/gen/greet/v1/greet_pb.js";
import { CustomerService } from "../../examples/rpc/gen/shop/v1/customers_pb.js";
import { roundTrips, until } from "../support/until.js";
import { openWorld, type OpenWorld, withBroker } from "../support/with-broker.js";

type Greet = (request: GreetRequest, context: HandlerContext) => { greeting?: string } | Promise<{ greeting?: string }>;

const codes = Object.values(Code).filter((code): code is Code => typeof code === "number");

/** The error of a call that must fail. */
async function failure(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    (value) => {
      throw new Error(`the call succeeded: ${JSON.stringify(value)}`);
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(ConnectError);
      return error as ConnectError;
    },
  );
}

/** A handler that works until its signal aborts. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
}

describe("RPC over KubeMQ", () => {
  let world: OpenWorld;
  let greet: Greet;
  let closeServer: () => Promise<void>;
  const failures: unknown[] = [];
  /** A client of the served service. */
  const greeter = (options?: Parameters<typeof kubemqTransport>[1]) =>
    createClient(GreetService, kubemqTransport(world.client, options));

  beforeAll(async () => {
    world = await openWorld();
    const server = serve(
      world.connect({ clientId: "server", maxMessageBytes: 300_000 }),
      GreetService,
      {
        greet: (request, context) => greet(request, context),
        listLanguages: () => ({ languages: ["en", "pt"] }),
        async *greetRepeatedly() {
          yield { greeting: "never" };
        },
      },
      { onError: (error) => void failures.push(error) },
    );
    closeServer = () => server.close();
    await server.ready;
  });
  afterAll(async () => {
    await closeServer();
    await world.end();
  });

  test.each([
    ["plain", { name: "Ada" }, "Ada"],
    ["empty", {}, ""],
    ["unicode", { name: "Žofie 漢字 🎈\u0000\n" }, "Žofie 漢字 🎈\u0000\n"],
    ["large", { name: "x".repeat(200_000) }, "x".repeat(200_000)],
  ])("carries a message that is %s, in both encodings", async (_, input, greeting) => {
    greet = ({ name }) => ({ greeting: name });
    for (const useBinaryFormat of [true, false]) {
      expect((await greeter({ useBinaryFormat }).greet(input)).greeting).toBe(greeting);
    }
  });

  test("RPC transmits request headers, response headers and trailers, with several values and binary ones", async () => {
    const bytes = Uint8Array.of(0, 255, 7);
    let seen = new Headers();
    greet = (_, { requestHeader, responseHeader, responseTrailer }) => {
      seen = requestHeader;
      for (const header of [responseHeader, responseTrailer]) {
        header.append("x-many", "a");
        header.append("x-many", "b");
        header.set("data-bin", encodeBinaryHeader(bytes));
      }
      return {};
    };
    const got: Headers[] = [];
    await greeter().greet(
      {},
      {
        headers: [
          ["X-Many", "1"],
          ["x-many", "2"],
          ["X-Latin", "é"],
          ["data-bin", encodeBinaryHeader(bytes)],
        ],
        onHeader: (header) => void got.push(header),
        onTrailer: (trailer) => void got.push(trailer),
      },
    );
    expect([...seen]).toEqual([
      ["data-bin", "AP8H"],
      ["x-latin", "é"],
      ["x-many", "1, 2"],
    ]);
    expect(got).toHaveLength(2);
    for (const headers of got) {
      expect(headers.get("x-many")).toBe("a, b");
      expect(decodeBinaryHeader(headers.get("data-bin") ?? "")).toEqual(bytes);
    }
  });

  test.each(codes.map((code) => [Code[code], code] as const))(
    "an error %s arrives with its message, metadata and details",
    async (name, code) => {
      greet = (_, { responseHeader, responseTrailer }) => {
        responseHeader.set("x-header", "h");
        responseTrailer.set("x-trailer", "t");
        throw new ConnectError(`${name} 漢`, code, { "x-meta": "m", "meta-bin": "AP8H" }, [
          { desc: UnknownLanguageSchema, value: { language: "xx", known: ["en"] } },
          { desc: DurationSchema, value: { seconds: 3n } },
        ]);
      };
      const error = await failure(greeter().greet({}));
      expect([error.code, error.rawMessage]).toEqual([code, `${name} 漢`]);
      expect(error.findDetails(UnknownLanguageSchema)).toMatchObject([{ language: "xx", known: ["en"] }]);
      expect(error.findDetails(DurationSchema)).toMatchObject([{ seconds: 3n }]);
      expect(Object.fromEntries(error.metadata)).toEqual({
        "x-meta": "m",
        "meta-bin": "AP8H",
        "x-header": "h",
        "x-trailer": "t",
      });
    },
  );

  test("an error without a message reaches the caller without one, and any other error is reported on the server only", async () => {
    greet = () => {
      throw new ConnectError("", Code.NotFound);
    };
    expect(await failure(greeter().greet({}))).toMatchObject({ code: Code.NotFound, rawMessage: "" });
    const secret = new Error("password is hunter2");
    greet = () => Promise.reject(secret);
    expect(await failure(greeter().greet({}))).toMatchObject({ code: Code.Internal, rawMessage: "internal error" });
    await until("the server's owner knows", () => failures.includes(secret));
  });

  test.each<[string, readonly unknown[]]>([
    ["is a string", ["quota"]],
    ["is undefined", [undefined]],
    ["has neither type nor value", [{ quota: 1 }]],
    ["does not fit its type", [{ desc: DurationSchema, value: { seconds: "many" } }]],
  ])("an error with a detail that %s arrives with its code and its other details", async (_, details) => {
    const valid = { desc: UnknownLanguageSchema, value: { language: "xx", known: [] } };
    greet = () => {
      const error = new ConnectError("too much", Code.ResourceExhausted, { "x-meta": "m" });
      error.details = [...details, valid] as never;
      throw error;
    };
    const before = failures.length;
    const error = await failure(greeter().greet({}));
    expect(error).toMatchObject({ code: Code.ResourceExhausted, rawMessage: "too much" });
    expect(error.metadata.get("x-meta")).toBe("m");
    expect(error.findDetails(UnknownLanguageSchema)).toMatchObject([{ language: "xx" }]);
    await until("the server's owner knows", () => failures.length > before);
  });

  test("a deadline ends the call and the signal of the handler, each with DeadlineExceeded", async () => {
    let context: HandlerContext | undefined;
    greet = async (_, its) => {
      context = its;
      expect(its.timeoutMs()).toBeLessThanOrEqual(150);
      return untilAborted(its.signal);
    };
    for (const options of [{ timeoutMs: 150 }, { timeoutMs: 149.5, signal: new AbortController().signal }]) {
      expect((await failure(greeter().greet({}, options))).code).toBe(Code.DeadlineExceeded);
      await until("the handler's signal aborts", () => context?.signal.aborted === true);
      expect(ConnectError.from(context?.signal.reason).code).toBe(Code.DeadlineExceeded);
    }
    expect((await failure(greeter({ defaultTimeoutMs: 100 }).greet({}))).code).toBe(Code.DeadlineExceeded);
  });

  test("a handler may return a promise of another realm or library", async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- the subject of the test
    greet = () => ({ then: (resolve: (value: object) => void) => resolve({ greeting: "later" }) }) as never;
    expect((await greeter().greet({})).greeting).toBe("later");
  });

  test("a deadline that is not a number is refused with InvalidArgument", async () => {
    for (const timeoutMs of [Number.NaN, "5" as never]) {
      expect(await failure(greeter().greet({}, { timeoutMs }))).toMatchObject({ code: Code.InvalidArgument });
      expect(await failure(greeter({ defaultTimeoutMs: timeoutMs }).greet({}))).toMatchObject({
        code: Code.InvalidArgument,
      });
    }
  });

  test("without a server the call ends at its deadline with DeadlineExceeded, because KubeMQ reports no other reason", async () => {
    const lonely = greeter({ prefix: "nobody." });
    const error = await failure(lonely.greet({}, { timeoutMs: 80 }));
    expect(error).toMatchObject({ code: Code.DeadlineExceeded });
    expect(error.message).toMatch(/nobody\.greet\.v1\.GreetService.* within 80 ms/);
  });

  test("a signal cancels the call at once, and a call with an aborted signal does not reach a handler", async () => {
    let entered = 0;
    greet = (_, { signal }) => {
      entered += 1;
      return untilAborted(signal);
    };
    const rows: [reason: unknown, code: Code][] = [
      [undefined, Code.Canceled],
      [new ConnectError("enough", Code.Aborted), Code.Aborted],
      [new Error("other"), Code.Canceled],
    ];
    for (const [reason, code] of rows) {
      const before = entered;
      const controller = new AbortController();
      const call = failure(greeter().greet({}, { signal: controller.signal, timeoutMs: 300 }));
      await until("the handler runs", () => entered > before);
      controller.abort(reason);
      expect((await call).code).toBe(code);
      expect((await failure(greeter().greet({}, { signal: controller.signal }))).code).toBe(code);
      expect(entered).toBe(before + 1);
    }
  });

  test("messages above a limit end with ResourceExhausted, on either side", async () => {
    greet = ({ name }) => ({ greeting: name.repeat(10_000) });
    const tooLarge = [
      greeter().greet({ name: "x".repeat(100) }), // the response, for the server's client
      greeter({ readMaxBytes: 10 }).greet({ name: "x" }),
      greeter({ writeMaxBytes: 10 }).greet({ name: "x".repeat(100) }),
      createClient(GreetService, kubemqTransport(world.connect({ maxMessageBytes: 5_000 }))).greet({
        name: "x".repeat(6_000),
      }),
    ];
    for (const call of tooLarge) expect((await failure(call)).code).toBe(Code.ResourceExhausted);
    expect((await greeter().greet({ name: "x" })).greeting).toHaveLength(10_000);
  });

  test("unknown methods, other versions and encodings are Unimplemented, bad requests are refused", async () => {
    const send = async (metadata: string, tags: Record<string, string>, body: Uint8Array | string = "") => {
      const answer = await world.client.queries.send({ channel: "rpc.greet.v1.GreetService", metadata, tags, body });
      return answer.ok ? "executed" : (JSON.parse(answer.tags["rpc-error"] ?? "{}") as { code?: string }).code;
    };
    greet = () => ({});
    const method = "/greet.v1.GreetService/Greet";
    expect(await send(method, {})).toBe("executed");
    expect(await send(method, { "rpc-content-type": "application/json" }, "{}")).toBe("executed");
    expect(await send("/greet.v1.GreetService/Missing", {})).toBe("unimplemented");
    expect(await send("/greet.v1.GreetService/GreetRepeatedly", {})).toBe("unimplemented");
    expect(await send(method, { "rpc-version": "2" })).toBe("unimplemented");
    expect(await send(method, { "rpc-content-type": "text/plain" })).toBe("unimplemented");
    expect(await send(method, { "rpc-header-x y": "1" })).toBe("invalid_argument");
    expect(await send(method, { "rpc-header-x": "漢" })).toBe("invalid_argument");
    expect(await send(method, { "rpc-content-type": "application/json" }, "no json")).toBe("invalid_argument");
    expect(await send(method, { traceparent: "of another tool" })).toBe("executed");
  });

  test("a streaming method is Unimplemented and sends nothing", async () => {
    const before = world.broker.stats();
    const stream = (async () => {
      for await (const _ of greeter().greetRepeatedly({ name: "Ada" })) break;
    })();
    expect((await failure(stream)).code).toBe(Code.Unimplemented);
    expect(world.broker.stats()).toEqual(before);
  });

  test("interceptors of both sides see the call, change it, and may repeat it", async () => {
    const log: string[] = [];
    const named =
      (name: string): Interceptor =>
      (next) =>
      async (request) => {
        log.push(`${name} ${request.url}`);
        request.header.append("x-path", name);
        const response = await next(request);
        response.trailer.append("x-path", name);
        return response;
      };
    const repeat: Interceptor = (next) => async (request) => {
      try {
        return await next({ ...request });
      } catch (error) {
        if (ConnectError.from(error).code !== Code.Unavailable || request.signal.aborted) throw error;
        return next(request);
      }
    };
    const user = createContextKey("nobody");
    const client = world.connect({ clientId: "intercepted" });
    let calls = 0;
    await using server = serve(
      client,
      (router) =>
        router.service(
          GreetService,
          {
            greet: ({ name }, { requestHeader, values }) => {
              if ((calls += 1) === 1) throw new ConnectError("try again", Code.Unavailable);
              return { greeting: `${requestHeader.get("x-path")} ${name} for ${values.get(user)}` };
            },
          },
          { interceptors: [named("c"), named("d")] },
        ),
      { prefix: "intercepted.", contextValues: ({ clientId }) => createContextValues().set(user, clientId) },
    );
    await server.ready;
    const asker = createClient(
      GreetService,
      kubemqTransport(world.connect({ clientId: "ada" }), {
        prefix: "intercepted.",
        interceptors: [repeat, named("a"), named("b")],
      }),
    );
    let trailer = new Headers();
    const { greeting } = await asker.greet({ name: "x" }, { onTrailer: (its) => void (trailer = its) });
    expect(greeting).toBe("a, b, a, b, c, d x for ada");
    expect(trailer.get("x-path")).toBe("d, c, b, a");
    expect(new Set(log)).toEqual(
      new Set(
        ["a", "b", "c", "d"].map(
          (name) => `${name} kubemq://intercepted.greet.v1.GreetService/greet.v1.GreetService/Greet`,
        ),
      ),
    );
    expect((await failure(asker.listLanguages({}))).code).toBe(Code.Unimplemented); // not implemented by this server
  });

  test("the cache answers equal calls without side effects, and a call with other headers is another call", async () => {
    let calls = 0;
    let isDown = true;
    await using server = serve(
      world.client,
      GreetService,
      {
        listLanguages: () => {
          if (isDown) throw new ConnectError("down", Code.Unavailable);
          return { languages: [`${++calls}`] };
        },
        greet: () => ({ greeting: `${++calls}` }),
      },
      { prefix: "cached." },
    );
    await server.ready;
    const cached = greeter({ prefix: "cached.", cache: { ttlSeconds: 60 } });
    const languages = async (headers?: Record<string, string>) =>
      (await cached.listLanguages({}, headers === undefined ? {} : { headers })).languages[0];
    expect((await failure(languages())).code).toBe(Code.Unavailable);
    isDown = false; // an error is not stored
    expect([await languages(), await languages()]).toEqual(["1", "1"]);
    expect(await languages({ authorization: "other" })).toBe("2");
    expect([(await cached.greet({})).greeting, (await cached.greet({})).greeting]).toEqual(["3", "4"]);
  });

  test.each<[string, () => unknown]>([
    ["a prefix with white space", () => kubemqTransport(world.client, { prefix: "a b." })],
    ["an unknown option", () => kubemqTransport(world.client, { baseUrl: "http://x" } as never)],
    ["a time to live of 0", () => kubemqTransport(world.client, { cache: { ttlSeconds: 0 } })],
    ["routes without a method", () => serve(world.client, () => {})],
    [
      "a method that is registered twice",
      () => serve(world.client, (router) => router.service(GreetService, {}).service(GreetService, {})),
    ],
    ["no client", () => kubemqTransport(undefined as never)],
    ["no client of serve", () => serve(undefined as never, GreetService, {})],
    ["no service", () => serve(world.client, undefined as never)],
    ["a limit below 1 byte", () => kubemqTransport(world.client, { readMaxBytes: -1 })],
    ["a limit below 1 byte of serve", () => serve(world.client, GreetService, {}, { writeMaxBytes: 0 })],
    ["a longest deadline below 1 ms", () => serve(world.client, GreetService, {}, { maxTimeoutMs: -5 })],
    [
      "a longest deadline of a route below 1 ms",
      () => serve(world.client, (router) => router.service(GreetService, {}, { maxTimeoutMs: -5 })),
    ],
    ["a group with white space", () => serve(world.client, GreetService, {}, { group: "a b" })],
    ["an unknown option of serve", () => serve(world.client, GreetService, {}, { groups: "a" } as never)],
  ])("%s is refused before a byte is sent", (_, call) => {
    expect(call).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});

test("the error of a query is the code of Connect that docs/rpc.md names", async () => {
  const codes: Partial<Record<ErrorCode, Code>> = {
    TIMEOUT: Code.DeadlineExceeded,
    UNAVAILABLE: Code.Unavailable,
    UNAUTHENTICATED: Code.Unauthenticated,
    PERMISSION_DENIED: Code.PermissionDenied,
    CLIENT_CLOSED: Code.Canceled,
    INTERNAL: Code.Internal,
  };
  for (const [name, code] of Object.entries(codes)) {
    const error = new KubeMQError(name as ErrorCode, "refused");
    const queries = { send: () => Promise.reject(error) } as never;
    const call = failure(createClient(GreetService, kubemqTransport({ queries })).greet({}));
    expect(await call).toMatchObject({ code, rawMessage: "refused", cause: error });
  }
});

describe("servers of RPCs", () => {
  test("two servers of a group share the calls, and the second continues when the first closes", () =>
    withBroker(async ({ connect }) => {
      const calls = { a: 0, b: 0 };
      const first = connect();
      const start = (name: "a" | "b") =>
        serve(name === "a" ? first : connect(), GreetService, {
          greet: () => {
            calls[name] += 1;
            return { greeting: name };
          },
        });
      await using a = start("a");
      await using b = start("b");
      await Promise.all([a.ready, b.ready]);
      const client = createClient(GreetService, kubemqTransport(connect()));
      await Promise.all(Array.from({ length: 40 }, () => client.greet({})));
      expect(calls.a + calls.b).toBe(40);
      expect(Math.min(calls.a, calls.b)).toBeGreaterThan(0);
      await a.close();
      expect(await a.closed).toBeUndefined();
      await roundTrips(first); // the broker may give calls to a subscription until it has seen its end
      for (let n = 0; n < 5; n++) expect((await client.greet({})).greeting).toBe("b");
    }));

  test("closing a server lets running calls finish, and ends waiting calls with Unavailable", () =>
    withBroker(async ({ connect }) => {
      let release = () => {};
      const running = new Promise<void>((resolve) => (release = resolve));
      let entered = false;
      const greet = async () => {
        entered = true;
        await running;
        return { greeting: "done" };
      };
      const server = serve(connect(), GreetService, { greet }, { concurrency: 1 });
      await server.ready;
      const asker = connect();
      const client = createClient(GreetService, kubemqTransport(asker));
      const first = client.greet({});
      await until("the first call runs", () => entered);
      const waits = failure(client.greet({}));
      await asker.ping(); // the second call has reached the broker
      const closed = server.close();
      expect((await waits).code).toBe(Code.Unavailable);
      release();
      expect((await first).greeting).toBe("done");
      await closed;
    }));

  test("a handler that outlives drainTimeoutMs has its signal aborted, and its caller gets Unavailable", () =>
    withBroker(async ({ connect, pass }) => {
      let context: HandlerContext | undefined;
      const greet = async (_: unknown, its: HandlerContext) => {
        context = its;
        return untilAborted(its.signal);
      };
      const server = serve(connect(), GreetService, { greet }, { drainTimeoutMs: 1_000 });
      await server.ready;
      const call = failure(createClient(GreetService, kubemqTransport(connect())).greet({}, { timeoutMs: 60_000 }));
      await until("the call runs", () => context !== undefined);
      const closed = server.close();
      await pass(1_000);
      expect((await call).code).toBe(Code.Unavailable);
      await closed;
      expect(ConnectError.from(context?.signal.reason).code).toBe(Code.Unavailable);
    }));

  test("a server ends with the error of its subscription, and without one when its client closes", () =>
    withBroker(async ({ broker, connect }) => {
      const lost = serve(connect(), GreetService, {}, { reconnect: false });
      await lost.ready;
      await broker.faults.dropConnections();
      expect(await lost.closed).toMatchObject({ code: "UNAVAILABLE" });
      await expect(lost).rejects.toMatchObject({ code: "UNAVAILABLE" });
      const client = connect();
      const server = serve(client, GreetService, {});
      await server.ready;
      await client.close();
      expect(await server.closed).toBeUndefined();
      await server;
      expect(() => serve(client, GreetService, {})).toThrow(expect.objectContaining({ code: "CLIENT_CLOSED" }));
    }));

  test("a call to a broker that sends nothing more ends at its deadline", () =>
    withBroker(async ({ broker, connect }) => {
      const client = connect();
      await client.ping();
      broker.faults.pauseWriting();
      const error = await failure(createClient(GreetService, kubemqTransport(client)).greet({}, { timeoutMs: 80 }));
      broker.faults.resumeWriting();
      expect(error.code).toBe(Code.DeadlineExceeded);
      expect(error.message).toMatch(/rpc\.greet\.v1\.GreetService within 80 ms/);
    }));

  test("the end of one service closes the others", () =>
    withBroker(async ({ broker, connect }) => {
      const { queries } = connect();
      const stop = new AbortController();
      const handle: typeof queries.handle = ((filter: { channel: string }, handler: never, options: object) => {
        const signal = filter.channel.endsWith("CustomerService") ? { signal: stop.signal } : {};
        return queries.handle(filter, handler, { ...options, ...signal });
      }) as never;
      const server = serve({ queries: { ...queries, handle } }, (router) =>
        router.service(GreetService, {}).service(CustomerService, {}),
      );
      await server.ready;
      expect(broker.stats().streams["SubscribeToRequests"]).toBe(2);
      stop.abort();
      expect(await server.closed).toBeUndefined();
    }));

  test("servers answer again after a restart of the broker, and calls fail with Unavailable meanwhile", () =>
    withBroker(async ({ broker, connect }) => {
      const reconnect = { initialDelayMs: 5, maxDelayMs: 20 };
      await using server = serve(connect({ reconnect }), GreetService, { greet: () => ({ greeting: "hi" }) });
      await server.ready;
      const client = createClient(GreetService, kubemqTransport(connect({ reconnect })));
      expect((await client.greet({})).greeting).toBe("hi");
      await broker.faults.dropConnections();
      await until("a call succeeds", async () => {
        return client.greet({}, { timeoutMs: 100 }).then(
          ({ greeting }) => greeting === "hi",
          (error: unknown) => {
            expect([Code.Unavailable, Code.DeadlineExceeded]).toContain(ConnectError.from(error).code);
            return false;
          },
        );
      });
    }));
});
