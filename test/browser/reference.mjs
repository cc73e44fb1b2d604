import { createServer } from "node:http";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const reference = join(root, "reference");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

export async function checkReference({ browser, check, picture }) {
  check("npm run docs has built reference/", existsSync(join(reference, "index.html")));
  const broken = brokenLinks();
  check(
    `no link of ${broken.pages} pages is broken (${broken.links} links)`,
    broken.found.length === 0,
    broken.found.join("\n"),
  );

  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const file = join(reference, path.endsWith("/") ? `${path}index.html` : path);
    if (!existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    return response.end(readFileSync(file));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const page = await browser.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  try {
    const site = `http://127.0.0.1:${server.address().port}/`;
    await page.goto(site);
    const landing = await page.$eval("body", (body) => body.textContent);
    const title = /^# (.*)$/m.exec(readFileSync(join(root, "README.md"), "utf8"))[1];
    check("the README is the first page", landing.includes(title), landing.slice(0, 200));
    await picture(page, "reference");
    await picture(page, "reference", { width: 400, scheme: "dark" });

    await page.goto(`${site}modules.html`);
    const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const content = await page.$eval(".col-content", (node) => node.textContent);
    for (const path of Object.keys(exports)) {
      if (/^\.\/(gen|package\.json)$/.test(path)) continue;
      const name = `kubemq-es${path.slice(1)}`;
      check(`the module ${name} is in the reference`, content.includes(name), content.slice(0, 500));
    }

    await page.setViewport({ width: 1400, height: 900 });
    await page.goto(`${site}modules/kubemq-es.html`);
    const categories = await page.$$eval(".tsd-panel-group h2, .tsd-index-heading", (found) =>
      found.map((it) => it.textContent.trim()),
    );
    for (const pattern of ["Events", "Events store", "Queues", "Commands and queries"]) {
      check(
        `${pattern} is a category`,
        categories.some((name) => name.startsWith(pattern)),
        String(categories),
      );
    }
    await picture(page, "module");

    for (const [search, heading] of [
      ["startBroker", "startBroker"],
      ["QueuesClient", "QueuesClient"],
      ["LeasedDelivery", "LeasedDelivery"],
    ]) {
      await page.goto(site);
      await page.waitForSelector("#tsd-search-trigger");
      await page.waitForFunction(() => !document.querySelector("#tsd-search-trigger").disabled);
      await page.click("#tsd-search-trigger");
      await page.waitForSelector("#tsd-search-input", { visible: true });
      await page.type("#tsd-search-input", search);
      await page.waitForSelector("#tsd-search-results a");
      const found = await page.$eval("#tsd-search-results a", (link) => link.href);
      await page.goto(found);
      const [name] = await page.$$eval("h1", (headings) => headings.map((it) => it.textContent));
      check(`a search for ${search} leads to it`, name.includes(heading), `${found}: ${name}`);
      const code = await page.$$eval("pre code", (blocks) => blocks.length);
      check(`${search} has an example or a code block`, code > 0 || search === "LeasedDelivery");
      await picture(page, `reference-${search}`);
    }
    check("the reference reported no error", problems.length === 0, problems.join("\n"));
  } finally {
    await page.close();
    server.close();
  }
}

/** Every relative link of every page leads to a file, and every fragment to an element there. */
function brokenLinks() {
  const pages = readdirSync(reference, { recursive: true }).filter((file) => file.endsWith(".html"));
  const contents = new Map(pages.map((file) => [file, readFileSync(join(reference, file), "utf8")]));
  const ids = new Map(
    [...contents].map(([file, html]) => [file, new Set([...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id))]),
  );
  let links = 0;
  const found = [...contents].flatMap(([file, html]) =>
    [...html.matchAll(/ (?:href|src)="([^"]*)"/g)].flatMap(([, link]) => {
      if (/^[a-z]+:|^\/\//.test(link) || link === "") return [];
      links++;
      const [path, fragment = ""] = link.replaceAll("&amp;", "&").split("#");
      const linked = path === "" ? file : relative(reference, join(reference, dirname(file), decodeURIComponent(path)));
      const target = linked === "" ? "index.html" : linked;
      const at = join(reference, target);
      const exists = existsSync(at) && statSync(at).isFile();
      if (exists && (fragment === "" || !ids.has(target) || ids.get(target).has(decodeURIComponent(fragment))))
        return [];
      return [`${file}: ${link}`];
    }),
  );
  return { pages: pages.length, links, found: [...new Set(found)] };
}
