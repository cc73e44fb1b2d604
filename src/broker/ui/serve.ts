import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Faults } from "../faults.js";
import type { BrokerProfile } from "../profile.js";
import { profiles } from "../profile.js";
import type { Quirks } from "../quirks.js";
import type { ChannelKind, Rpcs } from "../service.js";
import { monotonicNanos } from "../timers.js";
import { injectFault } from "./fault-buttons.js";
import { Refusal, answer, checkSource, jsonOf } from "./guard.js";
import { html } from "./page/html.js";
import { script } from "./page/script.js";
import { style } from "./page/style.js";
import type { RecentMessages } from "./recent-messages.js";
import { kindOf, send } from "./send.js";

/** A running page. */
export interface Page {
  readonly url: string;
  close(): Promise<void>;
}

/** The broker as the page sees it. */
export interface Shown {
  readonly broker: {
    readonly address: string;
    readonly faults: Faults;
    readonly quirks: Quirks;
    stats(): { readonly connections: number };
    channels(): readonly { readonly kind: ChannelKind; readonly name: string }[];
  };
  readonly profile: BrokerProfile;
  readonly recent: RecentMessages;
  /** The RPCs of the broker's present memory, which a restart can replace. */
  readonly rpcs: () => Rpcs;
}

const files: Readonly<Record<string, readonly [type: string, content: string]>> = {
  "/": ["text/html", html],
  "/page.js": ["text/javascript", script],
  "/page.css": ["text/css", style],
};

/** Serves the page of a broker on 127.0.0.1. Rejects when the port is taken. */
export async function servePage(port: number, shown: Shown): Promise<Page> {
  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => {
      const status = error instanceof Refusal ? error.status : 500;
      answer(response, status, "application/json", JSON.stringify({ error: messageOf(error) }));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  // Node.js types the address by the kind of socket; this one listens on a port.
  const { port: bound } = server.address() as AddressInfo;

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    checkSource(request, bound);
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    const file = files[pathname];
    if (request.method === "GET" && file !== undefined) return answer(response, 200, ...file);
    const json = (value: object) => answer(response, 200, "application/json", JSON.stringify(value));
    if (request.method === "GET" && pathname === "/state") return json(stateOf(shown, searchParams));
    if (request.method === "POST" && pathname === "/send") return json(await send(shown.rpcs(), await jsonOf(request)));
    if (request.method === "POST" && pathname === "/fault") {
      return json(await injectFault(shown.broker, await jsonOf(request)));
    }
    throw new Refusal(404, `there is no ${request.method ?? ""} ${pathname}`);
  }

  return {
    url: `http://127.0.0.1:${bound}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Everything that the page shows, with the figures of `stats()` and `channels()` as they are. */
function stateOf({ broker, profile, recent }: Shown, chosen: URLSearchParams): object {
  const [name = "changed copy"] = Object.entries(profiles).find(([, known]) => known === profile) ?? [];
  const channel = chosen.get("channel");
  return {
    atMs: Number(monotonicNanos() / 1_000_000n),
    address: broker.address,
    profile: { name, settings: Object.entries(profile).map(([key, value]) => [key, String(value)]) },
    stats: broker.stats(),
    channels: broker.channels(),
    faults: broker.faults.active(),
    quirks: broker.quirks,
    messages: channel === null ? [] : recent.of(kindOf(chosen.get("kind")), channel),
  };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
