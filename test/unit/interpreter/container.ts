/** A busybox root file system, and plans for it that a real shim carries out. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { Operation, OperationName } from '../../../daemon/runtime/plan/operations.ts';
import { STDIO } from '../../../daemon/shim/messages.ts';
import { Shim, type Answer, type Client } from '../shim/shim.ts';

export const NEWNS = 0x0002_0000;
export const NEWCGROUP = 0x0200_0000;
export const NEWUTS = 0x0400_0000;
export const NEWIPC = 0x0800_0000;
export const NEWUSER = 0x1000_0000;
export const NEWPID = 0x2000_0000;
export const NEWNET = 0x4000_0000;
export const COMMON_NAMESPACES = NEWNS | NEWUTS | NEWIPC | NEWPID | NEWNET;

export const ATTR = { rdonly: 1, nosuid: 2, nodev: 4, noexec: 8 } as const;
const MS_PRIVATE_REC = 0x4_0000 | 0x4000;

/** A directory that is removed after the test. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tare-interpreter-'));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** bin/busybox and a link to it for each of these. */
const APPLETS =
  'sh cat echo ls mount stat id test mkdir touch readlink hostname sleep tty stty wc head grep env pwd true umask dd';

/** A root file system in `directory`; without /proc, /sys and /dev, which are made when they are mounted on. */
export function makeRoot(directory: string): string {
  for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(directory, name), { recursive: true });
  copyFileSync('/bin/busybox', join(directory, 'bin/busybox'));
  for (const applet of APPLETS.split(' ')) symlinkSync('busybox', join(directory, 'bin', applet));
  return directory;
}

export const MOUNT_PROC: Operation = {
  op: 'mount',
  type: 'proc',
  source: 'proc',
  target: '/proc',
  options: [],
  attributes: ATTR.nosuid | ATTR.nodev | ATTR.noexec,
  flags: 0,
};

export const MOUNT_DEV: readonly Operation[] = [
  {
    op: 'mount',
    type: 'tmpfs',
    source: 'tmpfs',
    target: '/dev',
    options: ['mode=755', 'size=65536k'],
    attributes: ATTR.nosuid,
    flags: 0,
  },
  {
    op: 'mount',
    type: 'devpts',
    source: 'devpts',
    target: '/dev/pts',
    options: ['newinstance', 'ptmxmode=0666', 'mode=0620'],
    attributes: ATTR.nosuid | ATTR.noexec,
    flags: 0,
  },
];

export function nullDevice(path = '/dev/null', mode = 0o666): Operation {
  return { op: 'device', path, kind: 0x63, major: 1, minor: 3, mode, uid: 0, gid: 0 };
}

export interface PlanOptions {
  readonly root: string;
  /** Where the root is attached on the host. */
  readonly at: string;
  readonly namespaces?: number;
  /** After `clone`, before the root is made. */
  readonly early?: readonly Operation[];
  /** Instead of an overlay with a tmpfs. */
  readonly rootOperation?: Operation;
  /** Between root and pivot_root. */
  readonly mounts?: readonly Operation[];
  /** Between pivot_root and exec. */
  readonly late?: readonly Operation[];
  readonly argv: readonly string[];
}

export function containerPlan(options: PlanOptions): Operation[] {
  const root: Operation = options.rootOperation ?? {
    op: 'root_overlay_tmpfs',
    lower: [options.root],
    size: 0,
    userxattr: 0,
    at: options.at,
  };
  return [
    { op: 'clone', flags: options.namespaces ?? COMMON_NAMESPACES },
    ...(options.early ?? []),
    { op: 'root_propagation', flags: MS_PRIVATE_REC },
    root,
    ...(options.mounts ?? []),
    { op: 'pivot_root' },
    ...(options.late ?? []),
    { op: 'environment', variables: ['PATH=/bin'] },
    { op: 'exec', file: '', argv: [...options.argv] },
  ];
}

export interface Ended {
  readonly plan: readonly Operation[];
  readonly failed: Answer<'failed'> | undefined;
  /** The operation that failed. */
  readonly operation: OperationName | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
  readonly signal: number;
}

/** Starts a plan in a shim of its own and waits for its end. */
export async function runPlan(t: TestContext, plan: readonly Operation[], stdio: number = STDIO.pipes): Promise<Ended> {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  return await runIn(client, plan, stdio);
}

export async function runIn(client: Client, plan: readonly Operation[], stdio: number, process = ''): Promise<Ended> {
  await client.attach(process);
  const before = client.output().length;
  const answer = await client.start({ plan: encodePlan(plan), stdio, process });
  if (answer.is === 'failed') {
    const operation = plan[Number(answer.operation)]?.op;
    return { plan, failed: answer, operation, stdout: '', stderr: '', code: -1, signal: 0 };
  }
  const { code, signal } = await client.exited(process);
  await client.detached();
  return {
    plan,
    failed: undefined,
    operation: undefined,
    stdout: client.output().subarray(before).toString(),
    stderr: client.text('stderr'),
    code: Number(code),
    signal: Number(signal),
  };
}

/** A shell's script in a container of `options`; root and mount point are made. */
export async function runScript(
  t: TestContext,
  script: string,
  options: Partial<PlanOptions> = {},
  stdio: number = STDIO.pipes,
): Promise<Ended> {
  const directory = temporaryDirectory(t);
  const at = join(directory, 'mnt');
  mkdirSync(at);
  const root = options.root ?? makeRoot(join(directory, 'root'));
  return await runPlan(t, containerPlan({ argv: ['sh', '-c', script], at, ...options, root }), stdio);
}
