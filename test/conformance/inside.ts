/** Runs the report in a container and compares what it says with the config.json that the container was made by. */
import { chmodSync, copyFileSync } from 'node:fs';
import { basename, normalize } from 'node:path';
import type { Bundle } from '../harness/oci.ts';
import { CAPABILITY_SETS, type Mount, type Spec } from './config.ts';
import type { Context, Findings } from './program.ts';

/** The kernel's numbers: include/uapi/linux/capability.h. */
const CAPABILITY_NAMES =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'.split(
    ' ',
  );
const STATUS_FIELDS = { bounding: 'Bnd', effective: 'Eff', inheritable: 'Inh', permitted: 'Prm', ambient: 'Amb' };

const DEVICES = { null: '1:3', zero: '1:5', full: '1:7', random: '1:8', urandom: '1:9', tty: '5:0', ptmx: '5:2' };
const LINKS = {
  '/dev/fd': '/proc/self/fd',
  '/dev/ptmx': 'pts/ptmx',
  '/dev/stdin': '/proc/self/fd/0',
  '/dev/stdout': '/proc/self/fd/1',
  '/dev/stderr': '/proc/self/fd/2',
};
const FILE_SYSTEMS = { '/proc': 'proc', '/sys': 'sysfs', '/dev/pts': 'devpts', '/dev/shm': 'tmpfs' };

/** The report's lines by their first word (or first two, for what is asked of a path). */
class Report {
  readonly #lines: string[];

  constructor(text: string) {
    this.#lines = text.split('\n');
  }

  all(name: string): string[] {
    return this.#lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  }

  one(name: string): string {
    return this.all(name)[0] ?? '';
  }

  status(field: string): string {
    return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(this.all('status').join('\n'))?.[1] ?? '';
  }

  get complete(): boolean {
    return this.#lines.includes('complete');
  }
}

/** What the report is to be asked for beyond what it always says. */
function questions(spec: Spec): string[] {
  const { linux } = spec;
  return [
    'write',
    '/',
    ...Object.keys(LINKS).flatMap((path) => ['link', path]),
    ...Object.keys(DEVICES).flatMap((name) => ['stat', `/dev/${name}`]),
    ...(linux.devices ?? []).flatMap(({ path }) => ['stat', path]),
    ...(linux.maskedPaths ?? []).flatMap((path) => ['read', path]),
    ...(linux.readonlyPaths ?? []).flatMap((path) => ['write', path]),
    ...Object.keys(linux.sysctl ?? {}).flatMap((key) => ['sysctl', key]),
    ...(linux.rootfsPropagation === undefined ? [] : ['propagation']),
  ];
}

/** Puts the report into the bundle's root and its questions into the arguments of `spec`. */
export function placeReport(context: Context, spec: Spec, bundle: Bundle): void {
  copyFileSync(context.report, bundle.inside('report'));
  chmodSync(bundle.inside('report'), 0o755);
  if (spec.process) spec.process.args = ['/report', ...questions(spec)];
  bundle.write(spec);
}

/** Runs it; `prepare` is called with the bundle before. Answers why nothing ran, or undefined. */
export async function compareInside(
  context: Context,
  spec: Spec,
  prepare?: (bundle: Bundle) => void,
): Promise<string | undefined> {
  const bundle = context.runtime.bundle(spec, spec.root.path);
  try {
    placeReport(context, spec, bundle);
    prepare?.(bundle);
    const { created, started, stdout, stderr } = await context.runtime.runToEnd(bundle);
    if (created.code !== 0) return `create: ${created.stderr}`;
    if (started?.code !== 0) return `start: ${started?.stderr ?? ''}`;
    const report = new Report(stdout);
    if (!report.complete) return `the report did not come to its end: ${stderr}${stdout.slice(-200)}`;
    compare(context.findings, spec, report);
    return undefined;
  } finally {
    bundle.remove();
  }
}

/** As above, and nothing but success will do. */
export async function mustHoldInside(context: Context, spec: Spec, prepare?: (bundle: Bundle) => void): Promise<void> {
  const failure = await compareInside(context, spec, prepare);
  context.findings.check(failure === undefined, 'the container runs', failure);
}

function compare(findings: Findings, spec: Spec, report: Report): void {
  compareProcess(findings, spec, report);
  compareCapabilities(findings, spec, report);
  compareMounts(findings, spec, report);
  compareFiles(findings, spec, report);
  compareLinux(findings, spec, report);
}

function compareProcess(findings: Findings, spec: Spec, report: Report): void {
  const { process } = spec;
  if (process === undefined) return;
  const same = (what: string, seen: unknown, asked: unknown) =>
    findings.check(JSON.stringify(seen) === JSON.stringify(asked), what, { seen, asked });
  // Where getcwd is what the filter refuses, the report says so.
  if (report.one('cwd') !== 'EPERM') same('the working directory', report.one('cwd'), process.cwd);
  same('the arguments', report.all('argument'), process.args);
  for (const variable of process.env) {
    findings.check(
      report.all('variable').includes(variable),
      `the environment has ${variable}`,
      report.all('variable'),
    );
  }
  same('user and group', report.one('user'), `${process.user.uid}:${process.user.gid}`);
  if (process.user.umask !== undefined) same('the umask', Number.parseInt(report.one('umask'), 8), process.user.umask);
  for (const group of process.user.additionalGids ?? []) {
    findings.check(report.all('group').includes(String(group)), `the additional group ${group}`, report.all('group'));
  }
  for (const { type, soft, hard } of process.rlimits) {
    same(`the resource limit ${type}`, report.one(`limit ${type}`), `${soft} ${hard}`);
  }
  if (process.oomScoreAdj !== undefined) same('oomScoreAdj', report.one('oom_score_adj'), String(process.oomScoreAdj));
  same('noNewPrivileges', report.status('NoNewPrivs'), process.noNewPrivileges === true ? '1' : '0');
  if (spec.hostname !== undefined && spec.hostname !== '') same('the host name', report.one('hostname'), spec.hostname);
}

function compareCapabilities(findings: Findings, spec: Spec, report: Report): void {
  for (const set of CAPABILITY_SETS) {
    const mask = BigInt(`0x${report.status(`Cap${STATUS_FIELDS[set]}`) || '0'}`);
    const seen = CAPABILITY_NAMES.filter((_, bit) => (mask >> BigInt(bit)) & 1n).map((name) => `CAP_${name}`);
    const asked = spec.process?.capabilities[set] ?? [];
    const missing = asked.filter((name) => !seen.includes(name));
    const more = seen.filter((name) => !asked.includes(name));
    findings.check(missing.length === 0 && more.length === 0, `the ${set} capabilities`, { missing, more });
  }
}

/** A line of mountinfo: proc(5). */
interface SeenMount {
  readonly root: string;
  readonly target: string;
  readonly type: string;
  readonly source: string;
}

function mountsOf(report: Report): SeenMount[] {
  return report.all('mount').map((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '', target = ''] = before.split(' ');
    const [type = '', source = ''] = after.split(' ');
    return { root, target, type, source };
  });
}

function isMount(asked: Mount, seen: SeenMount): boolean {
  const bind = asked.options?.some((option) => option === 'bind' || option === 'rbind') === true;
  const source = asked.source ?? '';
  const sameSource = bind ? basename(source) === basename(seen.root) : normalize(source) === seen.source;
  return (
    normalize(asked.destination) === seen.target &&
    (asked.type === undefined || asked.type === seen.type) &&
    (source === '' || sameSource)
  );
}

/** Each is there, and after the one that the config lists before it. */
function compareMounts(findings: Findings, spec: Spec, report: Report): void {
  const seen = mountsOf(report);
  let from = 0;
  for (const asked of spec.mounts) {
    const at = seen.findIndex((mount, index) => index >= from && isMount(asked, mount));
    const where = seen.filter(({ target }) => target === asked.destination);
    findings.check(at >= 0, `the mount ${asked.destination}, in its order`, where);
    if (at >= 0) from = at + 1;
  }
  for (const [target, type] of Object.entries(FILE_SYSTEMS)) {
    const there = seen.filter((mount) => mount.target === target).at(-1);
    findings.check(there?.type === type, `${target} is a file system of type ${type}`, there);
  }
}

function compareFiles(findings: Findings, spec: Spec, report: Report): void {
  const { linux } = spec;
  if (spec.root.readonly === true) {
    findings.check(report.one('write /') === 'EROFS', 'the root is read-only', report.one('write /'));
  }
  for (const [path, target] of Object.entries(LINKS)) {
    findings.check(report.one(`link ${path}`) === target, `${path} links to ${target}`, report.one(`link ${path}`));
  }
  for (const [name, number] of Object.entries(DEVICES)) {
    const seen = report.one(`stat /dev/${name}`);
    findings.check(seen.startsWith(`c ${number} `), `/dev/${name} is the device ${number}`, seen);
  }
  for (const device of linux.devices ?? []) {
    const seen = report.one(`stat ${device.path}`);
    const number = device.type === 'p' ? '0:0' : `${device.major}:${device.minor}`;
    const mode = (device.fileMode ?? 0o666).toString(8).padStart(4, '0');
    const asked = `${device.type} ${number} ${mode} ${device.uid ?? 0}:${device.gid ?? 0}`;
    findings.check(seen === asked, `the device ${device.path}`, { seen, asked });
  }
  for (const path of linux.maskedPaths ?? []) {
    findings.check(report.one(`read ${path}`) !== 'content', `${path} is masked`, report.one(`read ${path}`));
  }
  for (const path of linux.readonlyPaths ?? []) {
    findings.check(report.one(`write ${path}`) !== 'ok', `${path} is read-only`, report.one(`write ${path}`));
  }
}

const PROPAGATED: Record<string, string> = {
  shared: 'shown',
  slave: 'hidden',
  private: 'hidden',
  unbindable: 'EINVAL',
};

function compareLinux(findings: Findings, spec: Spec, report: Report): void {
  const { linux } = spec;
  for (const [key, value] of Object.entries(linux.sysctl ?? {})) {
    findings.check(report.one(`sysctl ${key}`) === value, `the sysctl ${key}`, report.one(`sysctl ${key}`));
  }
  for (const [kind, mappings] of [
    ['uid_map', linux.uidMappings],
    ['gid_map', linux.gidMappings],
  ] as const) {
    if (mappings === undefined) continue;
    const seen = report.all(kind).map((line) => line.trim().split(/\s+/).join(' '));
    const asked = mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`);
    findings.check(seen.join() === asked.join(), `the ${kind}`, { seen, asked });
  }
  const { rootfsPropagation } = linux;
  if (rootfsPropagation === undefined || report.one('propagation') === 'EPERM') return;
  const asked = PROPAGATED[rootfsPropagation];
  const seen = report.one('propagation');
  findings.check(seen === asked, `the root's propagation is ${rootfsPropagation}`, { seen, asked });
}
