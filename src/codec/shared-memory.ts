import * as workers from "node:worker_threads";

/**
 * Marks memory that several bodies lie in, as Node.js marks its own pool of buffers: transferring it with one body
 * (`postMessage(body, [body.buffer])`) would empty the others. Node.js 20 then copies it instead, later versions throw a DataCloneError.
 *
 * @returns false where the runtime cannot do that: each body needs memory of its own then
 */
export function markShared(memory: ArrayBufferLike): boolean {
  if (!canMark) return false;
  workers.markAsUntransferable(memory);
  return true;
}

const canMark = (() => {
  try {
    // Bun and Deno have it not, or throw.
    workers.markAsUntransferable(new ArrayBuffer(1));
    return true;
  } catch {
    return false;
  }
})();
