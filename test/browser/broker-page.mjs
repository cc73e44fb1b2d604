import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { KubeMQClient } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";

const command = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const EVIL = `<img src=x onerror="document.title='owned'"><script>document.title="owned"</script>\u202e`;

export async function checkBrokerPage({ browser, check, picture }) {
  const broker = await startBroker({ ui: true });
  const client = await KubeMQClient.connect({ address: broker.address });
  const page = await browser.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  const text = (selector) => page.$eval(selector, (node) => node.textContent);
  const shows = (selector, expected) =>
    page.waitForFunction(
      (at, wanted) => document.querySelector(at)?.textContent.includes(wanted),
      {},
      selector,
      expected,
    );
  const rows = () =>
    page.$$eval("#channels tr", (found) => found.map((row) => [...row.children].map((cell) => cell.textContent)));
  try {
    await page.goto(broker.uiUrl);
    await shows("#live", "live");
    check("the empty page names the broker", (await text("#no-channels")).includes(broker.address));
    check("the title names the broker", (await page.title()).includes(broker.address), await page.title());
    await picture(page, "empty");
    await picture(page, "empty", { width: 400, scheme: "dark" });

    const areShown = page.waitForFunction(() => document.querySelectorAll("#channels tr").length >= 3);
    const work = await underLoad(client, areShown);
    const hasRates = page
      .waitForFunction(() =>
        [...document.querySelectorAll("#channels tr")].some(
          ({ children }) => Number(children[4].textContent.replaceAll(",", "")) > 0,
        ),
      )
      .then(
        () => true,
        () => false,
      );
    await areShown;
    const columns = () =>
      page.$$eval("thead th", (cells) => cells.map((cell) => Math.round(cell.getBoundingClientRect().x)));
    const before = await columns();
    await work.done;
    await page.waitForFunction((total) => document.body.textContent.includes(total), {}, "12,000");
    check(
      "no column moves when figures grow",
      String(await columns()) === String(before),
      `${before} ${await columns()}`,
    );
    const expected = broker
      .channels()
      .map(({ kind, name, depth, consumers, messagesIn, messagesOut }) =>
        [
          kind,
          name,
          ...[depth, consumers, messagesIn, messagesOut].map((figure) => figure.toLocaleString("en-US")),
        ].join(),
      );
    const shown = (await rows()).map(([kind, name, depth, consumers, , , into, out]) =>
      [kind, name, depth, consumers, into, out].join(),
    );
    check(
      "the page shows the figures of channels()",
      String(shown) === String(expected),
      [...shown, "expected", ...expected].join("\n"),
    );
    check("the page shows rates", await hasRates, String(await rows()));
    const look = [command, "queues", "watch", "load", "--jsonl", "-n", "1", "--address", broker.address];
    const watched = await promisify(execFile)(process.execPath, look);
    const { waiting } = JSON.parse(watched.stdout.trim().split("\n").at(-1));
    const depth = broker.channels().find(({ name }) => name === "load").depth;
    check("queues watch, stats() and the page show one depth", waiting === depth && waiting > 0, watched.stdout);
    check("stats() shows it, too", broker.stats().messages.queues.load === depth);

    // Messages that try to become a part of the page, and one that is not a string.
    await client.eventsStore.publish({ channel: "audit", body: EVIL, metadata: EVIL, tags: { [EVIL]: EVIL } });
    await client.eventsStore.publish({ channel: "audit", body: new Uint8Array([0x89, 0x50, 0xff, 0]) });
    await page.waitForFunction(() =>
      [...document.querySelectorAll("#channels button")].some((it) => it.title === "audit"),
    );
    await page.$$eval("#channels button", (buttons) => buttons.find(({ title }) => title === "audit").focus());
    await page.keyboard.press("Enter");
    await shows("#messages", "89 50 ff 00");
    check(
      "a body is shown as it is, and is no markup",
      (await text("#messages")).includes(EVIL.replace("\u202e", "\\u202e")),
    );
    check("no element came from a message", (await page.$("#messages img, #messages script")) === null);
    check("no script of a message ran", !(await page.title()).includes("owned"));

    // By keyboard alone: the chosen channel is in the form.
    const subscription = client.eventsStore.subscribe({ channel: "audit", start: { from: "new" } });
    await subscription.ready;
    await page.focus("#send [name=body]");
    await page.keyboard.type("by keyboard");
    for (let n = 0; n < 4; n++) await page.keyboard.press("Tab"); // hexadecimal, metadata, tags, Send
    await page.keyboard.press("Enter");
    for await (const event of subscription) {
      check("a message from the form reaches a subscriber", event.text() === "by keyboard", event.text());
      break;
    }
    await shows("#sent", "sent ");
    await shows("#messages", "by keyboard");

    await checkFaults({ page, broker, client, check, shows });
    await checkOtherOrigin({ browser, broker, check });

    await page.click("[data-state=writingPaused]");
    await shows("[data-state=writingPaused]", "on");
    for (const width of [1400, 820, 360]) {
      for (const scheme of ["light", "dark"]) {
        await picture(page, "busy", { width, scheme });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        check(`the page fits into ${width} pixels, ${scheme}`, wide <= 0, `${wide} pixels too wide`);
        const poor = await page.evaluate(poorContrast);
        check(
          `every text has a contrast of 4.5 or more at ${width} pixels, ${scheme}`,
          poor.length === 0,
          poor.join("\n"),
        );
      }
    }
    broker.faults.resumeWriting();
    check("the browser reported no problem", problems.length === 0, problems.join("\n"));
    await client.close();
    await broker.close();
    await shows("#live", "the broker is gone");
    await picture(page, "gone");
  } finally {
    await page.close();
    await client.close();
    await broker.close();
  }
}

/**
 * Sends and receives in three patterns; `done` is when 12,000 messages were sent to the queue. Goes
 * on when the page shows the first round, because a rate is the difference of two states.
 */
async function underLoad(client, areShown) {
  const events = client.events.subscribe({ channel: "sensors.>" });
  const done = (async () => {
    await events.ready;
    for (let round = 0; round < 24; round++) {
      const batch = Array.from({ length: 500 }, (_, n) => ({ channel: "load", body: `job ${round}.${n}` }));
      await client.queues.sendBatch(batch);
      await client.queues.receive({ channel: "load", max: 300, waitSeconds: 1 });
      await client.events.publish({ channel: "sensors.kitchen", body: "21.5" });
      await client.eventsStore.publish({ channel: "ledger", body: String(round) });
      if (round === 0) await areShown;
    }
  })();
  void (async () => {
    for await (const _ of events);
  })();
  return { done };
}

async function checkFaults({ page, broker, client, check, shows }) {
  await page.click("[data-fault=dropConnections]");
  await shows("#injected", "faults.dropConnections()");
  check("the client reconnects after a fault", (await client.ping()).version !== "");
  for (const state of ["connectionsRefused", "readingPaused", "writingPaused"]) {
    for (const on of [true, false]) {
      await page.click(`[data-state=${state}]`);
      await page.waitForFunction(
        (at, wanted) => document.querySelector(at).ariaPressed === wanted,
        {},
        `[data-state=${state}]`,
        String(on),
      );
      check(`${state} is ${on ? "on" : "off"}`, broker.faults.active()[state] === on);
    }
  }
  await page.$eval("#delay", (field) => (field.value = "25"));
  await page.click("[data-fault=delayReplies]");
  await shows("#delay-now", "25");
  broker.faults.delayReplies(0);
  for (const fault of ["endStreams", "resetStreams", "goAway", "closeByServer", "finishConnections", "restart"]) {
    await page.click(`[data-fault=${fault}]`);
    await shows("#injected", `faults.${fault}()`);
  }
  await page.click("[name=reorderUpstream]");
  await shows("#injected", "quirks.reorderUpstream = true");
  check("a quirk is set", broker.quirks.reorderUpstream);
  await page.click("[name=reorderUpstream]");
  await shows("#injected", "quirks.reorderUpstream = false");
  await client.ping({ timeoutMs: 10_000 });
}

/** A website that the developer visits, in the same browser. */
async function checkOtherOrigin({ browser, broker, check }) {
  const website = createServer((_request, response) => response.end("<!doctype html><title>website</title>"));
  await once(website.listen(0, "127.0.0.1"), "listening");
  const page = await browser.newPage();
  try {
    await page.goto(`http://127.0.0.1:${website.address().port}/`);
    const read = await page.evaluate(async (url) => {
      const body = JSON.stringify({ fault: "refuseConnections" });
      await fetch(`${url}fault`, { method: "POST", mode: "no-cors", body }).catch(() => {});
      await fetch(`${url}fault`, { method: "POST", headers: { "content-type": "application/json" }, body }).catch(
        () => {},
      );
      return fetch(`${url}state`).then(
        (response) => response.text(),
        () => "refused",
      );
    }, broker.uiUrl);
    check("another website cannot read the state", read === "refused", read);
    check("another website cannot inject a fault", !broker.faults.active().connectionsRefused);
  } finally {
    await page.close();
    website.close();
  }
}

/** Runs in the browser: the texts whose contrast with their background is below 4.5. */
function poorContrast() {
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (color) => {
    const [red, green, blue] = numbers(color).map((part) => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const backgroundOf = (node) => {
    for (let at = node; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (numbers(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("body *")].flatMap((node) => {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim() !== "");
    if (!own || !node.checkVisibility() || node.tagName === "OPTION") return [];
    const [light, dark] = [luminance(getComputedStyle(node).color), luminance(backgroundOf(node))].sort(
      (a, b) => b - a,
    );
    const ratio = (light + 0.05) / (dark + 0.05);
    return ratio < 4.5 ? [`${node.tagName} ${node.textContent.slice(0, 30)} ${ratio.toFixed(2)}`] : [];
  });
}
