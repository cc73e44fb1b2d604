// The page of the embedded broker, the API reference and the page of docs/recipes.md, in a real
// browser, on dist/ and reference/.
// `--pictures FOLDER` keeps screenshots.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBrowser } from "./browser.mjs";
import { checkBrokerPage } from "./broker-page.mjs";
import { checkRecipe } from "./recipe.mjs";
import { checkReference } from "./reference.mjs";

const { pictures } = parseArgs({ options: { pictures: { type: "string" } } }).values;
if (pictures !== undefined) mkdirSync(pictures, { recursive: true });

let failures = 0;
function check(what, holds, detail = "") {
  if (!holds) failures += 1;
  console.log(`${holds ? "ok    " : "FAILED"}  ${what}${holds ? "" : `\n${detail}`}`);
}

async function picture(page, name, { width = 1400, scheme = "light" } = {}) {
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  if (pictures === undefined) return;
  await page.screenshot({ path: join(pictures, `${name}-${width}-${scheme}.png`), fullPage: true });
}

const { browser, close } = await openBrowser();
try {
  console.log(await browser.version());
  const tools = { browser, check, picture };
  await checkBrokerPage(tools);
  await checkReference(tools);
  await checkRecipe(tools);
} finally {
  await close();
}
process.exitCode = failures === 0 ? 0 : 1;
