import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { KubeMQClient } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The program of docs/recipes.md without its last part, which stands for a browser. */
function recipe() {
  const programs = [...readFileSync(`${root}docs/recipes.md`, "utf8").matchAll(/^```ts\n([^]*?)\n```$/gm)];
  const code = programs.map((match) => match[1]).find((program) => program.includes("new EventSource"));
  const withoutBrowser = code.slice(0, code.indexOf("\n// For this page:"));
  // The response of the browser breaks, as when a proxy restarts.
  return `${withoutBrowser}\nprocess.on("SIGUSR2", () => server.closeAllConnections());\n`;
}

/** The page of server-sent events in docs/recipes.md, as a browser shows it. */
export async function checkRecipe({ browser, check, picture }) {
  const broker = await startBroker();
  const client = await KubeMQClient.connect({ address: broker.address });
  // Under the root, so that the package resolves as for a user.
  const folder = mkdtempSync(join(root, ".recipe-"));
  const file = join(folder, "page.mts");
  writeFileSync(file, recipe().replaceAll("localhost:50000", broker.address));
  const program = spawn(process.execPath, ["--import", "tsx", file], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const page = await browser.newPage();
  const shows = (count) =>
    page.waitForFunction((n) => document.querySelectorAll("li").length >= n, { timeout: 20_000 }, count);
  const lines = () => page.$$eval("li", (items) => items.map((item) => item.textContent));
  const publish = (body) => client.eventsStore.publish({ channel: "prices", body });
  try {
    const [url] = await once(createInterface(program.stdout), "line");
    for (const body of ["10", "11"]) await publish(body);
    await page.goto(url);
    await shows(2);
    await publish("<b>12</b>");
    await shows(3);
    check("the recipe's page shows stored and new events", String(await lines()) === "10,11,<b>12</b>", await lines());
    await picture(page, "recipe", { width: 400 });

    // The program's connection breaks, and the page keeps its response.
    await broker.faults.dropConnections();
    await publish("13").catch(() => publish("13"));
    await shows(4);
    check("the page misses no event by a lost connection", (await lines())[3] === "13", await lines());

    program.kill("SIGUSR2");
    await publish("14");
    await shows(5);
    check(
      "a page that reconnects shows every event once",
      String(await lines()) === "10,11,<b>12</b>,13,14",
      await lines(),
    );

    await page.close();
    const isLeft = () => broker.stats().streams["SubscribeToEvents"] === undefined;
    for (let n = 0; n < 500 && !isLeft(); n++) await new Promise((resolve) => setTimeout(resolve, 10));
    check("leaving the page ends its subscription", isLeft(), JSON.stringify(broker.stats()));
  } finally {
    program.kill();
    await client.close();
    await broker.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
