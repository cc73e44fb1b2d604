import { contestantNames, REFERENCE } from "../loads.js";
import type { ContestantName } from "../loads.js";
import type { Results } from "./results.js";

const colours: Readonly<Record<ContestantName, string>> = {
  facade: "#0a7d55",
  transport: "#6cc3a0",
  connect: "#c77c0e",
  "grpc-js": "#8a8f98",
  "grpc-js tuned": "#b9bdc4",
  "kubemq-js": "#a0459b",
  "node:http2": "#4a6fb5",
  "node:http2 stream": "#8fb0e8",
};

const BAR = 9;
const GAP = 14;
const LEFT = 190;
const WIDTH = 620;
const TOP = 64;
/** Longer bars are cut and marked. */
const MOST = 8;

/** A bar chart of the ratios to the reference, of the contestants that run all loads. */
export function chart({ loads, conditions }: Results): string {
  const isMeasured = (name: string) => loads.every(({ figures }) => figures.some((each) => each.contestant === name));
  const names = contestantNames.filter((name) => name !== REFERENCE && isMeasured(name));
  const block = names.length * BAR + GAP;
  const height = TOP + loads.length * block + 24;
  const x = (ratio: number) => LEFT + (Math.min(ratio, MOST) / MOST) * WIDTH;
  const parts: string[] = [];
  for (let tick = 0; tick <= MOST; tick++) {
    const stroke = tick === 1 ? colours[REFERENCE] : "#e3e5e8";
    parts.push(`<line x1="${x(tick)}" x2="${x(tick)}" y1="${TOP - 6}" y2="${height - 22}" stroke="${stroke}"/>`);
    parts.push(text(x(tick), height - 8, `${tick}x`, "middle"));
  }
  names.forEach((name, at) => {
    parts.push(`<rect x="${LEFT + at * 120}" y="32" width="10" height="10" fill="${colours[name]}"/>`);
    parts.push(text(LEFT + at * 120 + 15, 41, name));
  });
  loads.forEach(({ load, figures }, row) => {
    const top = TOP + row * block;
    parts.push(text(LEFT - 8, top + (names.length * BAR) / 2 + 4, load, "end"));
    names.forEach((name, at) => {
      const ratio = figures.find(({ contestant }) => contestant === name)?.ratio ?? 0;
      const y = top + at * BAR;
      const length = (x(ratio) - LEFT).toFixed(1);
      parts.push(`<rect x="${LEFT}" y="${y}" width="${length}" height="${BAR - 1}" fill="${colours[name]}"/>`);
      parts.push(text(x(ratio) + 4, y + BAR - 1.5, `${ratio.toFixed(2)}${ratio > MOST ? " →" : ""}`, "start", 8));
    });
  });
  const title = `Times as fast as @grpc/grpc-js with ts-proto (Node.js ${conditions.node}, longer is better)`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${LEFT + WIDTH + 60}" height="${height}" font-family="system-ui, sans-serif" font-size="11">`,
    `<title>${title}</title>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    text(LEFT, 20, title, "start", 13),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function text(x: number, y: number, content: string, anchor = "start", size = 11): string {
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}" font-size="${size}" fill="#24292f">${content}</text>`;
}
