import { connect, createServer, type IncomingHttpHeaders, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";

/**
 * A proxy that passes each stream on to a server, and allows few of them on a connection, as many
 * proxies do. Each connection has one of its own to the server, and ends with it.
 */
export async function limitingProxy(target: string, maxConcurrentStreams: number) {
  const sessions = new Set<ServerHttp2Session>();
  const seen = { connections: 0, mostStreams: 0 };
  const server = createServer({ settings: { maxConcurrentStreams } });
  server.on("session", (session) => {
    seen.connections += 1;
    const up = connect(`http://${target}`);
    let streams = 0;
    sessions.add(session.on("error", () => {}));
    session.on("close", () => {
      sessions.delete(session);
      up.destroy();
    });
    up.on("error", () => {}).on("close", () => session.destroy());
    up.on("goaway", (code) => void (session.destroyed || session.goaway(code)));
    session.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      if (up.closed || up.destroyed) return stream.close(7);
      streams += 1;
      seen.mostStreams = Math.max(seen.mostStreams, streams);
      const { ":path": path, "content-type": type, authorization } = headers;
      const request = up.request({
        ":method": "POST",
        ":path": path,
        "content-type": type,
        te: "trailers",
        ...(authorization === undefined ? {} : { authorization }),
      });
      let trailers: IncomingHttpHeaders | undefined;
      stream.pipe(request);
      stream.on("close", () => {
        streams -= 1;
        // A reset for each call that has ended would look like an attack to the server.
        if (trailers === undefined) request.close(8);
        else if (!request.destroyed) request.end();
      });
      stream.on("wantTrailers", () => {
        // The server has reset its stream behind the last message.
        if (trailers === undefined) stream.close(request.rstCode === 0 ? 8 : request.rstCode);
        else stream.sendTrailers(trailers);
      });
      request.on("error", () => {}).on("trailers", (received) => (trailers = { ...received }));
      request.on("close", () => {
        // A closed stream keeps its place under the limit until its data is read: node:http2 then
        // refuses further streams of the connection with ENHANCE_YOUR_CALM, for as long as it lasts.
        stream.unpipe(request).resume();
        if (trailers === undefined && !stream.closed) stream.close(request.rstCode === 0 ? 8 : request.rstCode);
      });
      request.on("response", (response) => {
        if (stream.destroyed || stream.closed) return;
        const {
          ":status": status,
          "content-type": contentType,
          "grpc-status": code,
          "grpc-message": message,
        } = response;
        const isEnd = code !== undefined;
        if (isEnd) trailers = {};
        const known = { ":status": Number(status), "content-type": contentType };
        const end = isEnd ? { "grpc-status": code, ...(message === undefined ? {} : { "grpc-message": message }) } : {};
        stream.respond({ ...known, ...end }, { waitForTrailers: !isEnd });
        request.pipe(stream);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
