/**
 * What of ours is on the machine: recorded before the suite and compared after it. Only what bears our names or
 * could only come from us is looked at, so that the host's own life is no leak.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

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

/** Programs of the peers that tests start by themselves, by comm of /proc/PID. */
const TEST_PEER = /^(docker-registry|skopeo|umoci|dockerd|strace)$/;

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
    } else if (TEST_PROGRAM.test(command.replaceAll('\0', ' ')) || TEST_PEER.test(name.trim())) {
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

/**
 * Tables of the machine's own network, of every family: whoever tests a firewall has a namespace for it. The virtual
 * machine has no nft(8), and nothing in it makes tables.
 */
async function tables(): Promise<string[]> {
  if (!existsSync('/usr/sbin/nft')) return [];
  const { stdout } = await promisify(execFile)('/usr/sbin/nft', ['list', 'tables']);
  return stdout.split('\n').filter((line) => line !== '');
}

/** What a daemon with networks would set where it runs. */
const SETTINGS = ['ipv4/ip_forward', 'ipv4/conf/all/route_localnet', 'ipv6/conf/all/forwarding'];

async function settings(): Promise<string[]> {
  const values = SETTINGS.map(
    async (key) => [key, await readFile(`/proc/sys/net/${key}`, 'utf8').catch(gone)] as const,
  );
  return (await Promise.all(values)).map(([key, value]) => `setting ${key} = ${value?.trim() ?? 'none'}`);
}

/** Ours, and what skopeo and podman put aside while they read archives. */
const OUR_FILE = /^(tare|container_images_|docker-tar)/;

async function files(): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ['/tmp', '/var/tmp', '/run', '/var/lib', '/dev/shm']) {
    for (const name of await entries(folder)) if (OUR_FILE.test(name)) found.push(`file ${join(folder, name)}`);
  }
  return found;
}

export async function recordMachine(): Promise<Machine> {
  const parts = await Promise.all([
    ...[mounts(), controlGroups(), processes(), files()],
    ...[networkNamespaces(), links(), tables(), settings()],
  ]);
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
