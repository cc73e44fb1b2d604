// A headless Chromium from npm, installed into a temporary folder: it is no dependency of the project.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const PACKAGES = ["@sparticuz/chromium@147.0.0", "puppeteer-core@24.43.1"];
// Not the arguments that @sparticuz/chromium suggests: they disable web security, and a browser that
// sends no Origin header would test nothing.
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-zygote", "--single-process", "--font-render-hinting=none"];

/** Rejects when the browser cannot be installed or started: its tests are never skipped. */
export async function openBrowser() {
  const folder = mkdtempSync(join(tmpdir(), "kubemq-es-browser-"));
  try {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
    const npm = ["install", "--no-audit", "--no-fund", "--loglevel=error", ...PACKAGES];
    execFileSync("npm", npm, { cwd: folder, stdio: "inherit", timeout: 240_000 });
    process.env.TMPDIR = folder; // the package unpacks its browser there
    const require = createRequire(join(folder, "package.json"));
    const load = async (name) => (await import(pathToFileURL(require.resolve(name)).href)).default;
    const [chromium, puppeteer] = [await load("@sparticuz/chromium"), await load("puppeteer-core")];
    const executablePath = await chromium.executablePath();
    const browser = await puppeteer.launch({ executablePath, args: ARGUMENTS, headless: "shell", timeout: 60_000 });
    const close = async () => {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    };
    return { browser, close };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
