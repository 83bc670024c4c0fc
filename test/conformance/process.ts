/** Programs on what the container's process is given. */
import { mkdirSync } from 'node:fs';
import type { Spec } from './config.ts';
import { compareInside, mustHoldInside } from './inside.ts';
import type { Context, Programs } from './program.ts';

type Process = NonNullable<Spec['process']>;

/** The ordinary container with its process changed. */
function changed(context: Context, change: (process: Process, spec: Spec) => void): Spec {
  const spec = context.spec();
  change(spec.process!, spec);
  return spec;
}

const holds = (change: (process: Process, spec: Spec) => void) => (context: Context) =>
  mustHoldInside(context, changed(context, change));

const refused = (what: string, change: (process: Process, spec: Spec) => void) => async (context: Context) => {
  const failure = await compareInside(context, changed(context, change));
  context.findings.check(failure !== undefined, `${what} is an error`);
};

const GIGABYTE = 1024 ** 3;
const RLIMITS: [type: string, hard: number, soft: number][] = [
  ['RLIMIT_AS', 2 * GIGABYTE, GIGABYTE],
  ['RLIMIT_CORE', 4 * GIGABYTE, 3 * GIGABYTE],
  ['RLIMIT_DATA', 6 * GIGABYTE, 5 * GIGABYTE],
  ['RLIMIT_FSIZE', 8 * GIGABYTE, 7 * GIGABYTE],
  ['RLIMIT_STACK', 10 * GIGABYTE, 9 * GIGABYTE],
  ['RLIMIT_CPU', 120, 60],
  ['RLIMIT_NOFILE', 4000, 3000],
];

const ALL_CAPABILITIES =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE';

/** `without` are the names that this host does not have. */
export function allCapabilities(without: readonly string[] = []): (context: Context) => Promise<void> {
  return holds((process) => {
    const names = ALL_CAPABILITIES.split(' ').map((name) => `CAP_${name}`);
    for (const set of Object.keys(process.capabilities)) {
      process.capabilities[set] = names.filter((name) => !without.includes(name));
    }
  });
}

async function hostnames(context: Context): Promise<void> {
  for (const hostname of ['', 'another-name']) {
    await mustHoldInside(
      context,
      changed(context, (_, spec) => (spec.hostname = hostname)),
    );
  }
}

const workingDirectory = (context: Context) =>
  mustHoldInside(
    context,
    changed(context, (process) => {
      process.cwd = '/test';
      process.env.push('first=value', 'second=123', 'third=a=b');
    }),
    (bundle) => mkdirSync(bundle.inside('test'), { mode: 0o700 }),
  );

export const PROCESS: Programs = {
  hostname: hostnames,
  process: workingDirectory,
  process_user: holds((process) => (process.user = { uid: 10, gid: 10, additionalGids: [5], umask: 0o002 })),
  process_rlimits: holds((process) => (process.rlimits = RLIMITS.map(([type, hard, soft]) => ({ type, hard, soft })))),
  process_rlimits_fail: refused('a resource limit of no kind', (process) =>
    process.rlimits.push({ type: 'RLIMIT_TEST', hard: 1024, soft: 1024 }),
  ),
  process_capabilities: allCapabilities(),
  process_capabilities_fail: refused('a capability of no kind', (process) =>
    process.capabilities.bounding!.push('CAP_TEST'),
  ),
  process_oom_score_adj: holds((process) => (process.oomScoreAdj = 100)),
  process_no_new_privileges: holds((process) => (process.noNewPrivileges = true)),
  linux_process_apparmor_profile: holds((process) => (process.apparmorProfile = 'a_profile_of_nobody')),
  linux_mount_label: holds(
    (_, spec) => (spec.linux.mountLabel = 'system_u:object_r:svirt_sandbox_file_t:s0:c715,c811'),
  ),
  linux_sysctl: holds((_, spec) => (spec.linux.sysctl = { 'net.ipv4.ip_forward': '1' })),
  linux_seccomp: holds(
    (_, spec) =>
      (spec.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['getcwd'], action: 'SCMP_ACT_ERRNO' }],
      }),
  ),
};
