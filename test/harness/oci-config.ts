/** Config.json of an everyday container for tests of tare-oci, and programs of the host that stand beside it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './oci.ts';

const NAMESPACES = ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type }));
const CAPABILITIES = ['CAP_KILL', 'CAP_CHOWN', 'CAP_SETUID', 'CAP_SETGID', 'CAP_DAC_OVERRIDE'];

/** Waits for ever; as PID 1 it takes no signal but KILL. */
export const FOREVER = ['/bin/sleep', '100000'];

/** `process` and `changes` are laid over the everyday ones. */
export function plainConfig(args: readonly string[], process: Config = {}, changes: Config = {}): Config {
  return {
    ociVersion: '1.2.0',
    root: { path: 'rootfs' },
    hostname: 'plain',
    process: {
      args,
      cwd: '/',
      env: ['PATH=/bin'],
      user: { uid: 0, gid: 0 },
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      ...process,
    },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance', 'ptmxmode=0666'] },
    ],
    linux: { namespaces: NAMESPACES },
    ...changes,
  };
}

/** Directories of the container's control groups that are still there. */
export function groupsOf(id: string): string[] {
  const mounts = ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((name) => join('/sys/fs/cgroup', name))];
  return mounts
    .filter((mount) => statSync(mount).isDirectory())
    .map((mount) => join(mount, 'tare-oci', id))
    .filter((group) => existsSync(group));
}

/** Processes in the container's control groups. */
export function processesOf(id: string): number[] {
  const pids = groupsOf(id).flatMap((group) => readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n'));
  return [...new Set(pids.filter((pid) => pid !== '').map(Number))];
}

/** The parent of a process; undefined where there is no such process. */
export function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** test/probe/subreaper.c, compiled into `folder`. */
export function buildSubreaper(folder: string): string {
  const program = join(folder, 'subreaper');
  const source = join(import.meta.dirname, '../probe/subreaper.c');
  execFileSync('cc', ['-O2', '-static', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
  return program;
}
