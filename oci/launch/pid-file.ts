import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** Whoever waits for the file to appear finds it whole. Throws the system's error. */
export function writePidFile(path: string, pid: number): void {
  const whole = resolve(path);
  const temporary = join(dirname(whole), `.${basename(whole)}.${String(process.pid)}`);
  // What a killed one has left; and a name that somebody else has made there is neither followed nor written to.
  rmSync(temporary, { force: true });
  try {
    writeFileSync(temporary, String(pid), { flag: 'wx' });
    renameSync(temporary, whole);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
