/** Debian packages that are unpacked below a directory and never installed. */
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

function refreshLists(name: string): void {
  if (/^ {2}Candidate: [^(]/m.test(execFileSync('apt-cache', ['policy', name], { encoding: 'utf8' }))) return;
  execFileSync('apt-get', ['update', '-q'], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** What a package depends on, by names that match. */
export function dependency(name: string, pattern: RegExp): string {
  refreshLists(name);
  const depends = execFileSync('apt-cache', ['depends', name], { encoding: 'utf8' });
  const found = [...depends.matchAll(/^ {2}Depends: (\S+)$/gm)].map(([, other]) => other ?? '');
  const chosen = found.find((other) => pattern.test(other));
  if (chosen === undefined) throw new Error(`the Debian package ${name} depends on nothing like ${pattern.source}`);
  return chosen;
}

/**
 * Downloads and unpacks `name` into `directory`, which is there as a whole or not at all. `check` throws where
 * what was unpacked is not what it should be. Throws what apt-get says.
 */
export function unpackPackage(name: string, directory: string, check: (fresh: string) => void): void {
  refreshLists(name);
  mkdirSync(dirname(directory), { recursive: true });
  const fresh = mkdtempSync(`${directory}-`);
  try {
    // As root in a directory of root's, which apt's own user cannot write to.
    execFileSync('apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=root', name], { cwd: fresh });
    for (const archive of globSync('*.deb', { cwd: fresh })) {
      execFileSync('dpkg-deb', ['-x', join(fresh, archive), fresh]);
      rmSync(join(fresh, archive));
    }
    check(fresh);
    rmSync(directory, { recursive: true, force: true });
    renameSync(fresh, directory);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
