/** Flags of `create`, and most of `run`'s: docker's names wherever docker has the same thing. */
import type { Flag } from '../command.ts';
import { NETWORK_FLAGS } from '../network/flags.ts';
import { DUTY_FLAGS } from './duties.ts';
import { DETACH_KEYS_FLAG } from '../stream/detach-keys.ts';
import { LOG_DRIVERS } from './log.ts';

export const LIMIT_FLAGS: readonly Flag[] = [
  { name: 'memory', short: 'm', type: 'string', value: 'BYTES', summary: 'memory limit, such as 512m' },
  { name: 'memory-swap', type: 'string', value: 'BYTES', summary: 'memory and swap together; -1 is unlimited swap' },
  { name: 'memory-reservation', type: 'string', value: 'BYTES', summary: 'memory that is kept for it under pressure' },
  { name: 'cpus', type: 'number', value: 'NUMBER', summary: 'number of CPUs, fractions allowed' },
  {
    name: 'cpu-shares',
    short: 'c',
    type: 'integer',
    value: 'NUMBER',
    summary: 'CPU weight against others, 2 to 262144',
  },
  { name: 'cpuset-cpus', type: 'string', value: 'LIST', summary: 'CPUs it may use, such as 0-2,4' },
  { name: 'pids-limit', type: 'integer', value: 'NUMBER', summary: 'most processes and threads; -1 is unlimited' },
  { name: 'cpu-period', type: 'integer', value: 'MICROSECONDS', summary: 'length of a period of the CPU quota' },
  { name: 'cpu-quota', type: 'integer', value: 'MICROSECONDS', summary: 'CPU time in each period; -1 is unlimited' },
  { name: 'cpuset-mems', type: 'string', value: 'LIST', summary: 'memory nodes it may use, such as 0-1' },
  { name: 'blkio-weight', type: 'integer', value: 'NUMBER', summary: 'share of the disks against others, 10 to 1000' },
  { name: 'blkio-weight-device', type: 'list', value: 'NODE:NUMBER', summary: 'the same of one device' },
  { name: 'device-read-bps', type: 'list', value: 'NODE:BYTES', summary: 'most bytes read from a device in a second' },
  {
    name: 'device-write-bps',
    type: 'list',
    value: 'NODE:BYTES',
    summary: 'most bytes written to a device in a second',
  },
  { name: 'device-read-iops', type: 'list', value: 'NODE:NUMBER', summary: 'most reads from a device in a second' },
  { name: 'device-write-iops', type: 'list', value: 'NODE:NUMBER', summary: 'most writes to a device in a second' },
  { name: 'memory-swappiness', type: 'integer', value: 'NUMBER', summary: 'how readily it is swapped out, 0 to 100' },
  { name: 'oom-kill-disable', type: 'boolean', summary: 'at its memory limit it waits instead of being killed' },
];

/** Flags of docker's that mean something here cannot do yet: refused by name, never ignored. */
const REFUSED: readonly Flag[] = [
  {
    name: 'disable-content-trust',
    type: 'boolean',
    summary: '',
    refused: 'there is no notary; every blob is held against its digest',
  },
  { name: 'userns', type: 'string', summary: '', refused: 'give linux.namespaces with --oci FILE' },
  { name: 'volumes-from', type: 'list', summary: '', refused: 'name the volumes with --volume' },
  { name: 'volume-driver', type: 'string', summary: '', refused: 'the only driver is local' },
  { name: 'gpus', type: 'string', summary: '', refused: 'name the device nodes with --device' },
  { name: 'runtime', type: 'string', summary: '', refused: 'the daemon runs containers itself' },
  { name: 'isolation', type: 'string', summary: '', refused: 'there is one kind of isolation' },
  { name: 'storage-opt', type: 'list', summary: '', refused: 'storage has no options for single containers' },
  { name: 'annotation', type: 'list', summary: '', refused: 'give annotations with --oci FILE' },
  ...['kernel-memory', 'cpu-rt-period', 'cpu-rt-runtime'].map((name): Flag => ({
    name,
    type: 'string',
    summary: '',
    refused: 'give linux.resources with --oci FILE',
  })),
];

/** Values of --pull. */
export const PULL_POLICIES = ['missing', 'always', 'never'] as const;

export const IMAGE_NOTES: readonly string[] = [
  'An image that is not here is fetched first (--pull); with --rootfs or --bundle there is none, and all operands are the command.',
];

const IMAGE: readonly Flag[] = [
  {
    name: 'pull',
    type: 'string',
    value: 'WHEN',
    summary: 'fetch the image: missing, always or never',
    default: 'missing',
    completes: PULL_POLICIES,
  },
  {
    name: 'platform',
    type: 'string',
    value: 'OS/ARCH[/VARIANT]',
    summary: 'the image for this platform, such as linux/arm64',
  },
  { name: 'quiet', short: 'q', type: 'boolean', summary: 'show nothing of the fetching' },
  {
    name: 'entrypoint',
    type: 'string',
    value: 'PROGRAM',
    summary: "a program in place of the image's entrypoint; empty: none",
  },
];

const IDENTITY: readonly Flag[] = [
  {
    name: 'rootfs',
    type: 'string',
    value: 'DIR[:MODE]',
    summary: 'root file system: DIR under an overlay, DIR:ro read-only, DIR:rw directly',
    completes: 'directory',
  },
  {
    name: 'bundle',
    short: 'b',
    type: 'string',
    value: 'DIR',
    summary: 'an OCI bundle, taken as it is',
    completes: 'directory',
  },
  {
    name: 'upper',
    type: 'string',
    value: 'KIND',
    summary: 'where an overlay keeps what is written: auto, disk or tmpfs',
    default: 'auto',
    completes: ['auto', 'disk', 'tmpfs'],
  },
  { name: 'tmpfs-root', type: 'boolean', summary: 'keep what is written in memory, as --upper tmpfs' },
  { name: 'name', type: 'string', value: 'NAME', summary: 'name of the container' },
  { name: 'label', short: 'l', type: 'list', value: 'KEY[=VALUE]', summary: 'set a label' },
  { name: 'label-file', type: 'list', value: 'FILE', summary: 'read labels from a file', completes: 'file' },
  { name: 'rm', type: 'boolean', summary: 'remove the container when it has ended' },
  { name: 'cidfile', type: 'string', value: 'FILE', summary: 'write the id to a new file', completes: 'file' },
  { name: 'oci', type: 'string', value: 'FILE', summary: 'a partial OCI config.json, merged last', completes: 'file' },
];

const PROCESS: readonly Flag[] = [
  { name: 'interactive', short: 'i', type: 'boolean', summary: 'keep stdin open' },
  { name: 'tty', short: 't', type: 'boolean', summary: 'give it a terminal' },
  DETACH_KEYS_FLAG,
  { name: 'init', type: 'boolean', summary: 'process 1 is a small init that passes signals on and reaps' },
  {
    name: 'env',
    short: 'e',
    type: 'list',
    value: 'NAME[=VALUE]',
    summary: 'set an environment variable; without a value take over your own',
  },
  {
    name: 'env-file',
    type: 'list',
    value: 'FILE',
    summary: 'read environment variables from a file',
    completes: 'file',
  },
  { name: 'workdir', short: 'w', type: 'string', value: 'DIR', summary: 'working directory inside' },
  { name: 'user', short: 'u', type: 'string', value: 'USER[:GROUP]', summary: 'user and group, by name or number' },
  { name: 'group-add', type: 'list', value: 'GROUP', summary: 'an additional group' },
  { name: 'umask', type: 'string', value: 'OCTAL', summary: 'file mode creation mask, such as 0022' },
  { name: 'hostname', short: 'h', type: 'string', value: 'NAME', summary: 'host name inside' },
  { name: 'domainname', type: 'string', value: 'NAME', summary: 'NIS domain name inside' },
  { name: 'stop-signal', type: 'string', value: 'SIGNAL', summary: 'signal that "stop" sends', default: 'SIGTERM' },
  {
    name: 'stop-timeout',
    type: 'integer',
    value: 'SECONDS',
    summary: 'time between that signal and SIGKILL',
    default: '10',
  },
  { name: 'ulimit', type: 'list', value: 'NAME=SOFT[:HARD]', summary: 'a resource limit, such as nofile=1024:4096' },
  {
    name: 'oom-score-adj',
    type: 'integer',
    value: 'NUMBER',
    summary: 'what the kernel ends first without memory, -1000 to 1000',
  },
];

const FILES: readonly Flag[] = [
  {
    name: 'volume',
    short: 'v',
    type: 'list',
    value: '[NAME|DIR:]TARGET[:OPTIONS]',
    summary: 'mount a volume or a path of the host, such as data:/var/lib/data, /srv:/srv:ro',
    completes: 'directory',
  },
  {
    name: 'mount',
    type: 'list',
    value: 'KEY=VALUE,…',
    summary: 'a mount in full: type=volume|bind|tmpfs|image,source=…,target=…,readonly,…',
  },
  { name: 'tmpfs', type: 'list', value: 'TARGET[:OPTIONS]', summary: 'mount a tmpfs, such as /tmp:size=64m' },
  {
    name: 'device',
    type: 'list',
    value: 'NODE[:TARGET[:rwm]]',
    summary: 'a device node of the host, or all in a directory',
    completes: 'file',
  },
  {
    name: 'device-cgroup-rule',
    type: 'list',
    value: 'RULE',
    summary: 'devices that it may use, such as "c 10:200 rwm"',
  },
  { name: 'shm-size', type: 'string', value: 'BYTES', summary: 'size of /dev/shm', default: '64m' },
  {
    name: 'secret',
    type: 'list',
    value: 'KEY=VALUE,…',
    summary: 'a file that only the container sees: src=FILE or env=NAME, target=…,uid=…,gid=…,mode=…',
  },
  { name: 'read-only', type: 'boolean', summary: 'make the root file system read-only' },
];

const ISOLATION: readonly Flag[] = [
  { name: 'cap-add', type: 'list', value: 'NAME', summary: 'add a capability, or ALL' },
  { name: 'cap-drop', type: 'list', value: 'NAME', summary: 'drop a capability, or ALL' },
  { name: 'privileged', type: 'boolean', summary: 'lift most of the isolation' },
  {
    name: 'security-opt',
    type: 'list',
    value: 'OPTION',
    summary: 'no-new-privileges[=BOOL], seccomp=unconfined|FILE, systempaths=unconfined, apparmor=PROFILE',
  },
  {
    name: 'pid',
    type: 'string',
    value: 'MODE',
    summary: 'pid namespace: private, host or container:NAME',
    completes: ['host', 'container:', 'private'],
  },
  {
    name: 'ipc',
    type: 'string',
    value: 'MODE',
    summary: 'namespace of IPC and /dev/shm: private, shareable, host, none or container:NAME',
    completes: ['shareable', 'host', 'none', 'container:', 'private'],
  },
  {
    name: 'uts',
    type: 'string',
    value: 'MODE',
    summary: 'namespace of the host name: private or host',
    completes: ['host', 'private'],
  },
  {
    name: 'cgroupns',
    type: 'string',
    value: 'MODE',
    summary: 'namespace of control groups: private or host',
    completes: ['private', 'host'],
  },
  {
    name: 'cgroup-parent',
    type: 'string',
    value: 'GROUP',
    summary: "a control group that its own are made below, in place of the daemon's",
  },
  { name: 'sysctl', type: 'list', value: 'NAME=VALUE', summary: 'a kernel parameter of its namespaces' },
];

const LOG: readonly Flag[] = [
  {
    name: 'log-driver',
    type: 'string',
    value: 'DRIVER',
    summary: "how the log is kept: cri, json-file (docker's format) or none",
    default: 'cri',
    completes: LOG_DRIVERS,
  },
  {
    name: 'log-opt',
    type: 'list',
    value: 'KEY=VALUE',
    summary: 'max-size=BYTES, max-file=NUMBER',
    completes: ['max-size=', 'max-file='],
  },
];

export const CREATE_FLAGS: readonly Flag[] = [
  ...IMAGE,
  ...IDENTITY,
  ...PROCESS,
  ...FILES,
  ...LIMIT_FLAGS,
  ...ISOLATION,
  ...NETWORK_FLAGS,
  ...LOG,
  ...DUTY_FLAGS,
  ...REFUSED,
];
