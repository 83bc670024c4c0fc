/**
 * The AppArmor profile of the tests, compiled here: the guest has no compiler, and this machine's kernel perhaps no
 * AppArmor. The compiler comes from Debian's package, unpacked and not installed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { unpackPackage } from './debian.ts';

const PACKAGE = 'apparmor';
const SOURCE = join(import.meta.dirname, 'profile.apparmor');

const parserBelow = (directory: string): string => {
  const found = ['sbin/apparmor_parser', 'usr/sbin/apparmor_parser']
    .map((path) => join(directory, path))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(`the Debian package ${PACKAGE} holds no apparmor_parser`);
  return found;
};

/** Path of the policy in the kernel's form, for its file .load. */
export function compileProfile(folder: string): string {
  const directory = join(folder, PACKAGE);
  const policy = join(folder, 'profile.apparmor.bin');
  if (!existsSync(directory)) unpackPackage(PACKAGE, directory, parserBelow);
  const made = statSync(policy, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (made > statSync(SOURCE).mtimeMs) return policy;
  // What the kernel may be told, as Debian pins it; this machine's own kernel is not asked.
  const features = join(directory, 'usr/share/apparmor-features/features');
  execFileSync(parserBelow(directory), [
    ...['--config-file', '/dev/null', '--skip-kernel-load', '--skip-cache', '--quiet'],
    ...['--kernel-features', features, '--policy-features', features, '--ofile', policy, SOURCE],
  ]);
  return policy;
}
