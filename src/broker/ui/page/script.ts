import { requests } from "./requests.js";
import { tables } from "./tables.js";

/**
 * The script of the page, for browsers as they are: plain JavaScript without a build. Everything
 * that came from outside is set as `textContent`, which the browser never reads as HTML.
 */
export const script = `"use strict";\n${tables}\n${requests}`;
