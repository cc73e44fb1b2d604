import { pathToFileURL } from "node:url";
import type * as Client from "../src/index.js";

/**
 * The client that is measured: this source, or the build in the folder that `KUBEMQ_ES` names. The
 * benchmark calls only what older versions have, too.
 */
const folder = process.env["KUBEMQ_ES"];

export const { KubeMQClient, forEachConcurrent } =
  folder === undefined
    ? await import("../src/index.js")
    : ((await import(pathToFileURL(`${folder}/dist/src/index.js`).href)) as typeof Client);
