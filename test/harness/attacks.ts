/** For the tests that attack: hostile programs, canaries on the host, and what became of an attempt. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from '../../shared/api/problem.ts';
import type { TestDaemon } from './daemon.ts';
import { makeRootfs } from './rootfs.ts';
import { until } from './until.ts';

const ATTACK_SOURCE = join(import.meta.dirname, '../probe/attack.c');

/** Compiles test/probe/attack.c to `file`. */
export function addAttack(file: string): void {
  execFileSync('cc', ['-O2', '-static', '-Wall', '-Wextra', '-Werror', '-o', file, ATTACK_SOURCE]);
}

/** A root of the test's own beside the daemon's, to be made hostile. */
export function hostileRoot(daemon: TestDaemon, name: string): string {
  return makeRootfs(join(daemon.folder, name));
}

/** Type, mode, owner, device number and content (link target, hash) of everything below a path, by path. */
function describe(path: string, into: Record<string, string> = {}): Record<string, string> {
  const status = lstatSync(path);
  let content = '';
  if (status.isSymbolicLink()) content = readlinkSync(path);
  else if (status.isFile()) content = createHash('sha256').update(readFileSync(path)).digest('hex');
  const { mode, uid, gid, rdev, ino } = status;
  into[path] = [mode.toString(8), uid, gid, rdev, ino, content].join(' ');
  if (status.isDirectory()) for (const name of readdirSync(path)) describe(join(path, name), into);
  return into;
}

/** What on the host no attempt may change: a folder of the test's own, and what attacks of this kind aim at. */
export class Canary {
  readonly folder: string;
  private readonly before: Record<string, string>;

  private constructor(folder: string) {
    this.folder = folder;
    this.before = this.look();
  }

  /** Files with the names that a runtime makes, removes or changes in /dev, /proc and /etc. */
  static make(folder: string): Canary {
    mkdirSync(folder, { mode: 0o750 });
    for (const name of ['null', 'zero', 'tty', 'ptmx', 'console', 'core_pattern', 'ip_forward', 'secret']) {
      writeFileSync(join(folder, name), `canary ${name}\n`, { mode: 0o640 });
    }
    return new Canary(folder);
  }

  look(): Record<string, string> {
    const seen = describe(this.folder);
    for (const path of ['/dev/null', '/dev/zero', '/dev/tty', '/dev/ptmx', '/dev/pts']) describe(path, seen);
    for (const name of ['kernel/core_pattern', 'kernel/hostname', 'net/ipv4/ip_forward', 'vm/overcommit_memory']) {
      seen[name] = readFileSync(join('/proc/sys', name), 'utf8');
    }
    return seen;
  }

  /** Paths that are not as they were; terminals of others come and go. */
  changes(): string[] {
    const now = this.look();
    const paths = new Set([...Object.keys(this.before), ...Object.keys(now)]);
    return [...paths].filter((path) => !path.startsWith('/dev/pts/') && now[path] !== this.before[path]);
  }
}

export interface Attempt {
  /** Why create or start was refused; absent where the container ran. */
  readonly refused?: Problem & { readonly at: 'create' | 'start' };
  readonly code?: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Creates, starts, waits and removes; a refusal is an answer too. An answer of 500 and above is none. */
export async function attempt(
  daemon: TestDaemon,
  command: readonly string[],
  request: Record<string, unknown> = {},
): Promise<Attempt> {
  const body = { rootfs: daemon.rootfs, command, ...request };
  const made = await daemon.client.send<{ id: string } & Problem>('POST', '/v1/containers', body);
  if (made.status !== 201) return { refused: { ...made.body, at: 'create' }, stdout: '', stderr: '' };
  const { id } = made.body;
  try {
    const started = await daemon.client.send<Problem>('POST', `/v1/containers/${id}/start`);
    if (started.status !== 204) return { refused: { ...started.body, at: 'start' }, stdout: '', stderr: '' };
    const { code } = await daemon.client.must<{ code?: number }>('GET', `/v1/containers/${id}/wait`);
    const [stdout, stderr] = [await daemon.logText(id, 'stdout'), await daemon.logText(id, 'stderr')];
    return { ...(code === undefined ? {} : { code }), stdout, stderr };
  } finally {
    await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  }
}

/** Starts one that stays until it is removed, and waits for the line "ready" of it where it is a hostile program. */
export async function startHostile(
  daemon: TestDaemon,
  command: readonly string[],
  request: Record<string, unknown> = {},
): Promise<string> {
  const id = await daemon.create(command, request);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await until('the hostile program is at work', async () => (await daemon.logText(id, 'stdout')).includes('ready'));
  return id;
}

export async function remove(daemon: TestDaemon, id: string): Promise<void> {
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
}

/** Runs one exec to its end through the API. */
export async function execute(
  daemon: TestDaemon,
  container: string,
  request: Record<string, unknown>,
): Promise<{ status: number; code?: number; problem?: Problem }> {
  const made = await daemon.client.send<{ id: string } & Problem>('POST', `/v1/containers/${container}/execs`, request);
  if (made.status !== 201) return { status: made.status, problem: made.body };
  const { id } = made.body;
  const started = await daemon.client.send<Problem>('POST', `/v1/execs/${id}/start`);
  if (started.status !== 204) return { status: started.status, problem: started.body };
  let code: number | undefined;
  await until('the exec ends', async () => {
    const seen = await daemon.client.must<{ exit?: { code?: number } }>('GET', `/v1/execs/${id}`);
    code = seen.exit?.code;
    return seen.exit !== undefined;
  });
  return { status: started.status, ...(code === undefined ? {} : { code }) };
}
