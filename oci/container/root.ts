import { statSync } from 'node:fs';
import { OciError } from '../errors.ts';

/**
 * What lies in the directory of states is believed: which processes to kill, which programs to run as hooks. Throws OciError
 * where somebody else than root or ourselves may write there. One that is not there is fine.
 */
export function checkRoot(root: string): void {
  const status = statSync(root, { throwIfNoEntry: false });
  if (status === undefined) return;
  const { uid, gid, mode } = status;
  const byOthers = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0);
  if ((uid === 0 || uid === process.geteuid?.()) && !byOthers) return;
  throw new OciError(`--root ${root}: others than root can write to it, and so could have it do anything`);
}
