import { setTimeout as sleep } from 'node:timers/promises';

/** How many times slower than usual this machine may be: TARE_PATIENCE, set where everything is emulated. */
const PATIENCE = Number(process.env.TARE_PATIENCE ?? 1);

/**
 * Waits until `condition` is true (or gives something), asking every 20 ms; after 30 s the test fails with `what`.
 * The deadline is far beyond what is expected: a loaded machine is slow, not wrong.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  seconds = 30,
): Promise<NonNullable<Exclude<T, false>>> {
  const end = performance.now() + seconds * PATIENCE * 1000;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined && value !== null) return value as NonNullable<Exclude<T, false>>;
    if (performance.now() > end) throw new Error(`waited ${seconds * PATIENCE} s in vain: ${what}`);
    await sleep(20);
  }
}
