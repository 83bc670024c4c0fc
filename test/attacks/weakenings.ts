/**
 * Ways to take one defence away from tare-oci, by name: each undoes or redoes an operation of the plan, or does what a
 * runtime did that had the fault. An attack that does not succeed against its weakening proves nothing.
 */
import { copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Operation, OperationName, Plan } from '../../daemon/runtime/plan/operations.ts';
import type { Spec } from '../conformance/config.ts';

export interface Made {
  readonly spec: Spec;
  /** The bundle's directory. */
  readonly bundle: string;
}

export interface Weakening {
  /** What the specification's checks would refuse is taken out of the configuration, and kept for `plan`. */
  readonly config?: (made: Made) => void;
  /** `made` is as it was before `config`; undefined in an exec. */
  readonly plan?: (plan: Plan, made: Made | undefined) => Plan;
  /** Words for the command line, after the command's name. */
  readonly words?: readonly string[];
  /** In place of a sealed copy of the shim: AttendedOptions.copy. */
  readonly copy?: (program: string) => number;
}

const without =
  (...names: OperationName[]): NonNullable<Weakening['plan']> =>
  (plan) =>
    plan.filter(({ op }) => !names.includes(op));

const replace = (plan: Plan, change: (operation: Operation) => Operation | Operation[]): Plan => plan.flatMap(change);

/** Behind the last operation of these kinds. */
function insertAfter(plan: Plan, names: readonly OperationName[], ...more: Operation[]): Plan {
  const at = plan.findLastIndex(({ op }) => names.includes(op));
  return at < 0 ? plan : [...plan.slice(0, at + 1), ...more, ...plan.slice(at + 1)];
}

const CAP_SYS_PTRACE = 1n << 19n;
const CLONE_NEWPID = 0x2000_0000n;
/** System calls of x86_64 by their numbers. */
const CALLS = { write: 1n, open: 2n, close: 3n, socket: 41n, bind: 49n, chdir: 80n } as const;

/** `buffer`: what the argument of this place points to; no place: nothing. */
function systemCall(name: keyof typeof CALLS, values: readonly bigint[], place = -1, buffer = ''): Operation {
  return {
    op: 'system_call',
    name,
    number: CALLS[name],
    arguments: [...values],
    buffer_argument: BigInt(place),
    buffer: Buffer.from(buffer),
    tolerated: 0,
  };
}

/** What is opened next has this number, the lowest that is free, and goes on to the program as its stdin. */
const CLOSE_STDIN = systemCall('close', [0n]);
const [AF_UNIX, SOCK_STREAM, O_WRONLY] = [1n, 1n, 1n];

function bindOf(source: string, target: string): Operation {
  const none = { set: 0n, clear: 0n, set_all: 0n, clear_all: 0n, propagation: 0n };
  return { op: 'bind', source, target, recursive: 1n, ...none, tree: -1n };
}

export const WEAKENINGS = {
  /** CVE-2022-24769: what is permitted is inheritable too. */
  inheritable: {
    plan: (plan) =>
      replace(plan, (operation) =>
        operation.op === 'capabilities' ? { ...operation, inheritable: operation.permitted } : operation,
      ),
  },
  /** Whoever may trace all processes of the host's user namespace is stopped by no dumpable flag. */
  tracer: {
    plan: (plan) =>
      replace(plan, (operation) => {
        if (operation.op === 'bounding_set') {
          return { ...operation, capabilities: BigInt(operation.capabilities) | CAP_SYS_PTRACE };
        }
        if (operation.op !== 'capabilities') return operation;
        const [effective, permitted] = [BigInt(operation.effective), BigInt(operation.permitted)];
        return { ...operation, effective: effective | CAP_SYS_PTRACE, permitted: permitted | CAP_SYS_PTRACE };
      }),
  },
  /** A process is in the container's pid namespace before it has left the host's mount namespace. */
  born_outside: {
    plan: (plan) => {
      const pid = plan.find(({ op }) => op === 'container_init') as { readonly pid: bigint | number } | undefined;
      return replace(plan, (operation) =>
        operation.op === 'pid_namespace_of_init' && pid
          ? { op: 'birth_namespace', type: CLONE_NEWPID, host: `/proc/${String(pid.pid)}/ns/pid` }
          : operation,
      );
    },
  },
  /** CVE-2024-40635: a user id is cut to 32 bits. */
  overflow: {
    config: ({ spec }) => (spec.process!.user.uid = 0),
    plan: (plan, made) =>
      replace(plan, (operation) =>
        operation.op === 'user' && made
          ? { ...operation, uid: BigInt(made.spec.process!.user.uid) & 0xffff_ffffn }
          : operation,
      ),
  },
  /** CVE-2024-21626: chdir(2) without a look at where it led, and descriptors of the runtime's that stay open. */
  directory: {
    words: ['--preserve-fds', '1'],
    config: ({ spec }) => (spec.process!.cwd = '/'),
    plan: (plan, made) =>
      replace(plan, (operation) =>
        operation.op === 'working_directory' && made
          ? systemCall('chdir', [0n], 0, `${made.spec.process!.cwd}\0`)
          : operation,
      ),
  },
  /** What the runtime has open goes on to the program. */
  descriptors: { words: ['--preserve-fds', '1'] },
  /** CVE-2023-27561: /proc is where the image's link says. */
  followed_proc: {
    plan: (plan) =>
      replace(plan, (operation) =>
        operation.op === 'mount' && operation.target === '/proc' ? { ...operation, target: '/elsewhere' } : operation,
      ),
  },
  /** CVE-2019-19921: a volume at /proc, mounted like any other. */
  volume_at_proc: {
    config: ({ spec }) => (spec.mounts = spec.mounts.filter(({ type }) => type !== 'bind' && type !== 'proc')),
    plan: (plan, made) =>
      insertAfter(
        plan,
        ['mount'],
        bindOf(made?.spec.mounts.find(({ type }) => type === 'bind')?.source ?? '/', '/proc'),
      ),
  },
  /** CVE-2021-30465, 2026-41579: mount points are made by their path on the host, links followed. */
  naive_paths: {
    plan: (plan, made) => {
      if (made) makeNaively(made);
      return plan;
    },
  },
  unmasked: { plan: without('masked') },
  writable: { plan: without('readonly') },
  unfiltered: { plan: without('seccomp') },
  /** CVE-2025-52565: the console is whatever file its path leads to. */
  foreign_console: {
    plan: (plan, made) =>
      insertAfter(plan, ['terminal'], bindOf(join(made?.bundle ?? '', '../canary/secret'), '/dev/console')),
  },
  /** CVE-2022-0811: any key is written. */
  any_sysctl: {
    config: ({ spec }) => (spec.linux.sysctl = {}),
    plan: (plan, made) =>
      insertAfter(
        plan,
        ['hostname'],
        ...Object.entries(made?.spec.linux.sysctl ?? {}).map(([key, value]): Operation => ({
          op: 'sysctl',
          key: keyOf(key),
          value,
        })),
      ),
  },
  /** CVE-2025-52881: a mount lies over the parameters, and they are written by their path. */
  redirected_sysctl: {
    plan: (plan, made) => {
      const canary = made?.spec.mounts.find(({ destination }) => destination === '/vol/point')?.source;
      if (canary === undefined) return plan;
      const covered = insertAfter(plan, ['mount', 'bind'], bindOf(canary, '/proc/sys/net/ipv4'));
      return insertAfter(
        covered.filter(({ op }) => op !== 'sysctl' && op !== 'readonly'),
        ['working_directory'],
        CLOSE_STDIN,
        systemCall('open', [0n, O_WRONLY], 0, '/proc/sys/net/ipv4/ip_forward\0'),
        systemCall('write', [0n, 0n, 2n], 1, '1\n'),
      );
    },
  },
  /** CVE-2020-15257: a socket of the runtime that has no file. */
  abstract_socket: {
    plan: (plan) =>
      insertAfter(
        plan,
        ['working_directory'],
        CLOSE_STDIN,
        systemCall('socket', [AF_UNIX, SOCK_STREAM, 0n]),
        systemCall('bind', [0n, 0n, 20n], 1, `\u0001\0\0tare-shim-weakened`),
      ),
  },
  /** CVE-2024-9676: the image's accounts are read by their path on the host. */
  naive_accounts: {
    config: ({ spec, bundle }) => {
      const file = join(bundle, spec.root.path, 'etc/passwd');
      if (!statSync(file, { throwIfNoEntry: false })?.isFile() || statSync(file).size > 4096) return;
      spec.process!.env = [...spec.process!.env, `HOME=${readFileSync(file, 'utf8').split(':')[5] ?? ''}`];
    },
  },
  /** CVE-2019-5736: a plain copy, on which whoever runs it could write. */
  unsealed: {
    copy: (program) => {
      const folder = mkdtempSync(join(tmpdir(), 'tare-unsealed-'));
      const file = join(folder, 'tare-shim');
      copyFileSync(program, file);
      const fd = openSync(file, 'r');
      rmSync(folder, { recursive: true });
      return fd;
    },
  },
  /** CVE-2023-25809: control groups of the host, writable. */
  writable_cgroups: {
    plan: (plan) =>
      replace(plan, (operation) =>
        operation.op === 'bind' && operation.target.startsWith('/sys/fs/cgroup')
          ? { ...operation, set: 0n, set_all: 0n }
          : operation.op === 'mount' && operation.target.startsWith('/sys/fs/cgroup')
            ? { ...operation, attributes: BigInt(operation.attributes) & ~1n }
            : operation.op === 'mount_attributes' && operation.target.startsWith('/sys/fs/cgroup')
              ? []
              : operation,
      ),
  },
  /** All devices of the host. */
  devices: {
    plan: (plan) =>
      plan.filter(
        (operation) =>
          operation.op !== 'cgroup_devices' &&
          !(operation.op === 'cgroup_write' && /\/devices\.(allow|deny)$/.test(operation.host)),
      ),
  },
} as const satisfies Record<string, Weakening>;

export type WeakeningName = keyof typeof WEAKENINGS;

/** The path that a key with ".." in it leads to. */
function keyOf(key: string): string {
  return join('/', key.replaceAll(/\.(?!\.|\/)(?<!\.\.)/g, '/')).slice(1);
}

/** What runtimes did before openat2(2): a mount's source and target joined as texts. */
function makeNaively({ spec, bundle }: Made): void {
  const volumes = spec.mounts.filter(({ type }) => type === 'bind');
  for (const { destination } of spec.mounts) {
    const volume = volumes.find((bind) => destination.startsWith(`${bind.destination}/`));
    const top = volume?.source ?? join(bundle, spec.root.path);
    const below = volume ? destination.slice(volume.destination.length) : destination;
    try {
      mkdirSync(join(top, below), { recursive: true });
    } catch (error) {
      // lost the race against whoever exchanges the names
      if (!['ENOENT', 'EEXIST', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}
