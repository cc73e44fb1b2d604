import * as workers from "node:worker_threads";

/**
 * Marks memory shared by several bodies, as Node.js marks its own buffer pool: transferring it with
 * one body (`postMessage(body, [body.buffer])`) would empty the others. Node.js 20 then copies it;
 * later versions throw a DataCloneError.
 *
 * @returns false if the runtime does not support that; each body then needs its own memory
 */
export function markShared(memory: ArrayBufferLike): boolean {
  if (!canMark) return false;
  workers.markAsUntransferable(memory);
  return true;
}

const canMark = (() => {
  try {
    // Bun and Deno do not have it, or throw.
    workers.markAsUntransferable(new ArrayBuffer(1));
    return true;
  } catch {
    return false;
  }
})();
