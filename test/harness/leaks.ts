/**
 * What of ours is on the machine: recorded before the suite and compared after it. Only what bears our names or
 * could only come from us is looked at, so that the host's own life is no leak.
 */
import { readFile, readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type Machine = ReadonlySet<string>;

async function entries(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

async function mounts(): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `mount ${line.split(' ')[4] ?? ''}`);
}

/** Our groups are named tare…, at the top of each hierarchy or below the group that the suite runs in. */
async function controlGroups(): Promise<string[]> {
  const found: string[] = [];
  const walk = async (folder: string, depth: number): Promise<void> => {
    for (const name of await entries(folder)) {
      const path = join(folder, name);
      if (name.startsWith('tare')) found.push(`control group ${path}`);
      else if (depth > 0 && (await isFolder(path))) await walk(path, depth - 1);
    }
  };
  await walk('/sys/fs/cgroup', 3);
  return found;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** What tests run in containers to wait for ever: outside of one it is a container's process that was lost. */
const TEST_PROGRAM = /^(\/bin\/)?sleep 1000+ /;

/** Shims, daemons and whatever runs in network namespaces other than this one's. */
async function processes(): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await entries('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(gone);
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(gone);
    if (name === undefined || command === undefined) continue;
    if (
      /^tare|tared|tare-shim/.test(name) ||
      /tare-shim|dist\/tared|daemon\/main\.ts/.test(command.split('\0').slice(0, 3).join(' '))
    ) {
      found.push(`process ${pid} ${command.replaceAll('\0', ' ').trim() || name.trim()}`);
    } else if (TEST_PROGRAM.test(command.replaceAll('\0', ' '))) {
      found.push(`process ${pid} ${command.replaceAll('\0', ' ').trim()}`);
    }
  }
  return found;
}

/** A process may end while it is looked at; anything else is an error. */
function gone(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ESRCH') return undefined;
  throw error;
}

/** The init of a sandbox may not be looked into, even by root; it is not ours. */
function hidden(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return undefined;
  gone(error);
}

async function networkNamespaces(): Promise<string[]> {
  const found = new Set<string>();
  for (const pid of await entries('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const namespace = await readlink(`/proc/${pid}/ns/net`).catch(hidden);
    if (namespace !== undefined) found.add(`network namespace ${namespace}`);
  }
  return [...found, ...(await entries('/run/netns')).map((name) => `network namespace ${name}`)];
}

async function links(): Promise<string[]> {
  return (await entries('/sys/class/net')).map((name) => `link ${name}`);
}

async function files(): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ['/tmp', '/run', '/var/lib', '/dev/shm']) {
    for (const name of await entries(folder)) if (name.startsWith('tare')) found.push(`file ${join(folder, name)}`);
  }
  return found;
}

export async function recordMachine(): Promise<Machine> {
  const parts = await Promise.all([mounts(), controlGroups(), processes(), networkNamespaces(), links(), files()]);
  return new Set(parts.flat());
}

/**
 * What is there now and was not then. A network namespace is taken down by a kernel worker, and a process that
 * was just ended may still be seen: what is gone within ten seconds is no leak.
 */
export async function findLeaks(before: Machine): Promise<string[]> {
  let left: string[] = [];
  for (let attempt = 0; attempt < 40; attempt++) {
    left = [...(await recordMachine())].filter((item) => !before.has(item)).sort();
    if (left.length === 0) return left;
    await sleep(250);
  }
  return left;
}
