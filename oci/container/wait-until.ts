import { setTimeout as delay } from 'node:timers/promises';

/** Asks after 1, 2, 4 … 50 ms until `isSo`; false where that takes longer than `milliseconds`. */
export async function waitUntil(isSo: () => boolean, milliseconds: number): Promise<boolean> {
  // process.uptime(): performance would be loaded by its first use, which takes longer than most commands wait.
  const deadline = process.uptime() + milliseconds / 1000;
  for (let pause = 1; !isSo(); pause = Math.min(pause * 2, 50)) {
    if (process.uptime() >= deadline) return false;
    await delay(pause);
  }
  return true;
}
