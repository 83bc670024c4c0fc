/** The container resource: what is asked for at create, and what inspect and list show. */
import { Type, type Static } from '@sinclair/typebox';
import { AbsolutePath, Bytes, Labels, Name, NoNul, Timestamp, closed } from './common.ts';
import { HEALTH_STATUSES, Health, HealthcheckRequest } from './health.ts';
import { ImageRef, PlatformText } from './image.ts';
import { LOG_DRIVERS, LogOptions } from './logs.ts';
import { ContainerNetwork, Endpoint, Interface, PinNamespaces, Publish, PublishedPort } from './network.ts';

/** Rates of devices: bytes, or operations, in a second. */
const DeviceRates = Type.Array(
  closed({ path: AbsolutePath, rate: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }) }),
  { maxItems: 64 },
);

export const Limits = closed({
  memory: Type.Optional(Bytes),
  /** Memory and swap together; -1 is unlimited swap. */
  memorySwap: Type.Optional(Type.Union([Type.Literal(-1), Bytes])),
  memoryReservation: Type.Optional(Bytes),
  cpus: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 8192, description: 'CPUs, fractions allowed' })),
  cpuShares: Type.Optional(Type.Integer({ minimum: 2, maximum: 262_144 })),
  cpuset: Type.Optional(
    Type.String({ pattern: '^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$', description: 'CPU numbers, such as "0-2,4"' }),
  ),
  pids: Type.Optional(Type.Integer({ minimum: -1, maximum: 4_194_304, description: '-1 is unlimited' })),
  /** Microseconds of CPU time in each period; in place of `cpus`. */
  cpuQuota: Type.Optional(Type.Integer({ minimum: -1, maximum: Number.MAX_SAFE_INTEGER, description: 'microseconds' })),
  cpuPeriod: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'microseconds' })),
  /** Memory nodes, as in `cpuset`. */
  cpusetMems: Type.Optional(
    Type.String({ pattern: '^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$', description: 'memory nodes, such as "0-1"' }),
  ),
  /** Share of the disk's time, 10 to 1000; 0: the parent's. */
  blkioWeight: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000 })),
  blkioWeightDevice: Type.Optional(
    Type.Array(closed({ path: AbsolutePath, weight: Type.Integer({ minimum: 10, maximum: 1000 }) }), { maxItems: 64 }),
  ),
  /** Per device node of the host: bytes, or operations, in a second. */
  deviceReadBps: Type.Optional(DeviceRates),
  deviceWriteBps: Type.Optional(DeviceRates),
  deviceReadIops: Type.Optional(DeviceRates),
  deviceWriteIops: Type.Optional(DeviceRates),
  /** v1 only; from 0 to 100. */
  memorySwappiness: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  /** v1 only: at its limit it waits instead of being killed. */
  oomKillDisable: Type.Optional(Type.Boolean()),
});
export type Limits = Static<typeof Limits>;

export const Mount = closed({
  type: Type.Union([Type.Literal('bind'), Type.Literal('volume'), Type.Literal('tmpfs'), Type.Literal('image')]),
  /** bind: an existing path on the host. volume: its name, made where there is none; absent: an anonymous one. image: its name or id. */
  source: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 4095,
      pattern: '^[^\\u0000]*$',
      description: 'bind: an absolute path on the host; volume: its name; image: its name or id',
    }),
  ),
  target: AbsolutePath,
  /** volume, image: a directory of it, in place of the whole. */
  subpath: Type.Optional(Type.String({ minLength: 1, maxLength: 4095, pattern: '^[^\\u0000]*$' })),
  /** volume: what the image has there is not copied into an empty volume. */
  noCopy: Type.Optional(Type.Boolean()),
  /** volume: labels of one that is made for this. */
  labels: Type.Optional(Labels),
  /** bind, volume: owners are seen through the container's user namespace, as if they were its own. */
  idmap: Type.Optional(Type.Boolean({ description: "owners are mapped through the container's user namespace" })),
  readonly: Type.Optional(Type.Boolean()),
  /** bind: take along what is mounted below (default true). */
  recursive: Type.Optional(Type.Boolean({ description: 'bind: with what is mounted below (default true)' })),
  propagation: Type.Optional(
    Type.Union(
      (['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'] as const).map((name) => Type.Literal(name)),
    ),
  ),
  /** tmpfs: its size. */
  size: Type.Optional(Bytes),
  /** tmpfs: mode in octal, such as "1777". */
  mode: Type.Optional(Type.String({ pattern: '^[0-7]{3,4}$', description: 'octal digits, such as "0755"' })),
  /** Further mount options by their names in mount(8): "nosuid", "nodev", "noexec", … */
  options: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000]*$' }), { maxItems: 64 }),
  ),
});
export type Mount = Static<typeof Mount>;

export const Capabilities = closed({
  /** "CAP_NET_ADMIN" or "NET_ADMIN", or "ALL". */
  add: Type.Optional(Type.Array(NoNul, { maxItems: 64 })),
  drop: Type.Optional(Type.Array(NoNul, { maxItems: 64 })),
});

export const Security = closed({
  privileged: Type.Optional(Type.Boolean({ description: 'all capabilities and devices, nothing masked, no seccomp' })),
  noNewPrivileges: Type.Optional(Type.Boolean()),
  /** "default", "unconfined", or an OCI linux.seccomp object. */
  seccomp: Type.Optional(Type.Union([Type.Literal('default'), Type.Literal('unconfined'), Type.Object({})])),
  /** A profile of AppArmor that is loaded on the host; "unconfined": none. */
  apparmor: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9_./:+-]{1,255}$', description: 'an AppArmor profile, or "unconfined"' }),
  ),
  readonlyRootfs: Type.Optional(Type.Boolean()),
  /** Paths hidden or read-only in place of the default ones. */
  maskedPaths: Type.Optional(Type.Array(AbsolutePath)),
  readonlyPaths: Type.Optional(Type.Array(AbsolutePath)),
});

export const Ulimit = closed({
  name: Type.String({ pattern: '^[a-z]+$', description: 'a limit such as "nofile"' }),
  soft: Type.Integer({ minimum: -1, maximum: Number.MAX_SAFE_INTEGER }),
  hard: Type.Integer({ minimum: -1, maximum: Number.MAX_SAFE_INTEGER }),
});

export const Device = closed({
  /** A device node on the host; its numbers are taken over. */
  source: AbsolutePath,
  target: Type.Optional(AbsolutePath),
  permissions: Type.Optional(Type.String({ pattern: '^[rwm]{1,3}$', description: 'letters of "rwm"' })),
});

export const RESTART_POLICIES = ['no', 'on-failure', 'always', 'unless-stopped'] as const;

/** What happens when it has ended by itself, or the daemon or the host has started anew. */
export const RestartPolicy = closed({
  name: Type.Union(RESTART_POLICIES.map((name) => Type.Literal(name))),
  /** on-failure: how often; absent or 0: always. */
  maximumRetryCount: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
});
export type RestartPolicy = Static<typeof RestartPolicy>;

/** A file of the host, or text, that only the container sees: on a tmpfs of its own, never on a disk. */
export const Secret = closed({
  /** Name below /run/secrets, or an absolute path. */
  target: Type.String({ minLength: 1, maxLength: 4095, pattern: '^[^\\u0000]*$' }),
  /** A file of the host, read at each start. Exactly one of source and data. */
  source: Type.Optional(AbsolutePath),
  /** base64, at most 500 KiB; it is kept in the registry, and never shown again. */
  data: Type.Optional(
    Type.String({ maxLength: 700_000, pattern: '^[A-Za-z0-9+/]*={0,2}$', description: 'base64', writeOnly: true }),
  ),
  uid: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_294_967_294 })),
  gid: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_294_967_294 })),
  mode: Type.Optional(Type.String({ pattern: '^[0-7]{3,4}$', description: 'octal digits (default "0444")' })),
});
export type Secret = Static<typeof Secret>;

/** "private" (default), "host" or "container:REF"; ipc also "shareable" and "none". */
const joinable = (more: string) =>
  Type.String({ pattern: `^(private|host|container:[A-Za-z0-9][A-Za-z0-9_.-]{0,127}${more})$` });

const common = {
  name: Type.Optional(Name),
  restart: Type.Optional(RestartPolicy),
  healthcheck: Type.Optional(HealthcheckRequest),
  /** A small init of ours is process 1: it passes signals on and reaps. */
  init: Type.Optional(Type.Boolean({ description: 'process 1 is a small init that passes signals on and reaps' })),
  pid: Type.Optional(joinable('')),
  ipc: Type.Optional(joinable('|shareable|none')),
  uts: Type.Optional(Type.Union([Type.Literal('private'), Type.Literal('host')])),
  cgroupNamespace: Type.Optional(Type.Union([Type.Literal('private'), Type.Literal('host')])),
  /** Its control groups lie below this one of somebody else's, which is made where it is missing. */
  cgroupParent: Type.Optional(
    Type.String({
      pattern: '^/[^\\u0000\\n]*$',
      maxLength: 3072,
      description: 'a control group such as "/kubepods/pod1" that its own are made below',
    }),
  ),
  /** Of /dev/shm (default 64 MiB). */
  shmSize: Type.Optional(Bytes),
  secrets: Type.Optional(Type.Array(Secret, { maxItems: 256 })),
  /** "c 10:200 rwm", "b *:* r": devices that it may use beside those it is given. */
  deviceRules: Type.Optional(
    Type.Array(Type.String({ pattern: '^[acb] ([0-9]+|\\*):([0-9]+|\\*) [rwm]{1,3}$' }), { maxItems: 1024 }),
  ),
  /** Never to be had here: refused by name. */
  gpus: Type.Optional(Type.String({ maxLength: 1024 })),
  /** Keys that detach a client of its terminal, as `tare attach --detach-keys` has them. */
  detachKeys: Type.Optional(Type.String({ maxLength: 64 })),
  /** Of an image: what stands in place of its Cmd. */
  command: Type.Optional(Type.Array(NoNul, { minItems: 1, maxItems: 65_536 })),
  /** In place of the image's; an empty one takes it away. */
  entrypoint: Type.Optional(Type.Array(NoNul, { maxItems: 65_536 })),
  env: Type.Optional(
    Type.Array(
      Type.String({
        pattern: '^[^=\\u0000]+(=[^\\u0000]*)?$',
        description: 'NAME=value; NAME alone takes away what the image or a default has',
      }),
      { maxItems: 65_536 },
    ),
  ),
  workdir: Type.Optional(AbsolutePath),
  /** "name", "uid", "name:group", "uid:gid". */
  user: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[^\\u0000]*$',
      description: '"name", "uid", "name:group" or "uid:gid"',
    }),
  ),
  groups: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
      maxItems: 65_536,
      description: 'additional groups, by name or number',
    }),
  ),
  umask: Type.Optional(Type.String({ pattern: '^[0-7]{3,4}$', description: 'octal digits, such as "0755"' })),
  hostname: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$',
      description: 'letters, digits, "_", "." and "-", at most 64',
    }),
  ),
  domainname: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$',
      description: 'letters, digits, "_", "." and "-", at most 64',
    }),
  ),
  tty: Type.Optional(Type.Boolean({ description: 'give it a terminal' })),
  /** Keep stdin open for clients that attach. */
  stdin: Type.Optional(Type.Boolean({ description: 'keep stdin open for clients that attach' })),
  labels: Type.Optional(Labels),
  limits: Type.Optional(Limits),
  ulimits: Type.Optional(Type.Array(Ulimit, { maxItems: 32 })),
  oomScoreAdj: Type.Optional(Type.Integer({ minimum: -1000, maximum: 1000 })),
  mounts: Type.Optional(Type.Array(Mount, { maxItems: 1024 })),
  devices: Type.Optional(Type.Array(Device, { maxItems: 1024 })),
  sysctls: Type.Optional(
    Type.Record(Type.String({ pattern: '^[A-Za-z0-9_./-]{1,255}$' }), NoNul, { additionalProperties: false }),
  ),
  capabilities: Type.Optional(Capabilities),
  security: Type.Optional(Security),
  network: Type.Optional(ContainerNetwork),
  /** Made in, or moved into, its network namespace before it starts; not with mode host, container: or ns:. */
  interfaces: Type.Optional(Type.Array(Interface, { maxItems: 64 })),
  pinNamespaces: Type.Optional(PinNamespaces),
  /** Directories of the host, made (mode 0755, with their parents) before each start. */
  mkdir: Type.Optional(
    Type.Array(AbsolutePath, { maxItems: 256, description: 'directories of the host to be made before it starts' }),
  ),
  log: Type.Optional(LogOptions),
  autoRemove: Type.Optional(Type.Boolean({ description: 'remove it when it has ended' })),
  /** By name ("TERM", "SIGTERM") or number as text. */
  stopSignal: Type.Optional(
    Type.String({ minLength: 1, maxLength: 32, description: 'a signal by name ("TERM", "SIGTERM") or number' }),
  ),
  /** Seconds between the stop signal and SIGKILL. */
  stopTimeout: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 86_400,
      description: 'seconds between the stop signal and SIGKILL (default 10)',
    }),
  ),
  /** A partial OCI config.json, merged last: objects key by key, anything else replaced. */
  oci: Type.Optional(
    Type.Object(
      {},
      { description: 'a partial OCI config.json, merged last: objects key by key, anything else replaced' },
    ),
  ),
};

export const CreateRequest = closed({
  /** An image that is here: by name, id, or the beginning of one. Exactly one of image, rootfs and bundle. */
  image: Type.Optional(ImageRef),
  /** Of an image with several. */
  platform: Type.Optional(PlatformText),
  /** A directory with a root file system. */
  rootfs: Type.Optional(AbsolutePath),
  /** A directory with an OCI config.json, taken as it is. */
  bundle: Type.Optional(AbsolutePath),
  /** overlay (default): nothing is written to rootfs. */
  rootfsMode: Type.Optional(Type.Union([Type.Literal('overlay'), Type.Literal('ro'), Type.Literal('rw')])),
  /** overlay: where what is written goes. "auto" (default): disk, or tmpfs where rootfs contains the daemon's own directory. */
  upper: Type.Optional(Type.Union([Type.Literal('auto'), Type.Literal('disk'), Type.Literal('tmpfs')])),
  ...common,
});
export type CreateRequest = Static<typeof CreateRequest>;

export const CreateResponse = Type.Object({
  id: Type.String(),
  name: Type.String(),
  warnings: Type.Array(Type.String()),
});
export type CreateResponse = Static<typeof CreateResponse>;

export const STATUSES = ['creating', 'created', 'running', 'paused', 'stopped', 'removing'] as const;
export const Status = Type.Union(STATUSES.map((name) => Type.Literal(name)));
export type Status = (typeof STATUSES)[number];

/** How it ended. `unknown`: it ended while nobody could see how; then code and signal are absent. */
export const Exit = Type.Object({
  unknown: Type.Boolean(),
  code: Type.Optional(Type.Integer()),
  /** Name of the signal that ended it, such as "SIGKILL". */
  signal: Type.Optional(Type.String()),
  oomKilled: Type.Boolean(),
  at: Timestamp,
  /** Why it never ran, where that is so. */
  failure: Type.Optional(Type.String()),
});
export type Exit = Static<typeof Exit>;

export const ContainerSummary = Type.Object({
  id: Type.String(),
  name: Type.String(),
  status: Status,
  rootfs: Type.String(),
  /** As it was asked for; absent where it is of a directory or bundle. */
  image: Type.Optional(Type.String()),
  imageId: Type.Optional(Type.String()),
  command: Type.Array(Type.String()),
  labels: Labels,
  createdAt: Timestamp,
  startedAt: Type.Optional(Timestamp),
  pid: Type.Optional(Type.Integer()),
  exit: Type.Optional(Exit),
  /** Its restart policy will start it again, after a while. */
  restarting: Type.Boolean(),
  health: Type.Optional(Type.Union(HEALTH_STATUSES.map((name) => Type.Literal(name)))),
  /** Names of its networks, in their order. */
  networks: Type.Array(Type.String()),
  ports: Type.Array(PublishedPort),
});
export type ContainerSummary = Static<typeof ContainerSummary>;

/** What a container has mounted. */
export const MountPoint = Type.Object({
  type: Type.Union([Type.Literal('bind'), Type.Literal('volume'), Type.Literal('tmpfs'), Type.Literal('image')]),
  /** Of a volume. */
  name: Type.Optional(Type.String()),
  /** A path on the host; of an image what it was asked for by; "" of a tmpfs. */
  source: Type.String(),
  destination: Type.String(),
  readonly: Type.Boolean(),
  propagation: Type.Optional(Type.String()),
});
export type MountPoint = Static<typeof MountPoint>;

export const ContainerDetail = Type.Intersect([
  ContainerSummary,
  Type.Object({
    /** What was asked for, as it came. */
    request: Type.Unknown(),
    /** The complete OCI config.json that is run. */
    spec: Type.Unknown(),
    limits: Limits,
    tty: Type.Boolean(),
    stdin: Type.Boolean(),
    autoRemove: Type.Boolean(),
    stopSignal: Type.String(),
    stopTimeout: Type.Integer(),
    logPath: Type.String(),
    /** Control group of the container, relative to each hierarchy's mount point. */
    cgroup: Type.String(),
    execs: Type.Array(Type.String()),
    /** Volumes that it has, by where they are mounted. */
    volumes: Type.Array(Type.Object({ name: Type.String(), destination: Type.String() })),
    /** What is mounted in it, in order, but for what every container has. */
    mounts: Type.Array(MountPoint),
    /** Ports that it, or its image, says it listens on: "80/tcp". */
    exposedPorts: Type.Array(Type.String()),
    /** In force: of the image, with what was asked for in its place, and the defaults; absent: there is none. */
    healthcheck: Type.Optional(HealthcheckRequest),
    healthState: Type.Optional(Health),
    restart: RestartPolicy,
    /** How often its policy has started it again since its user did. */
    restartCount: Type.Integer(),
    logDriver: Type.Union(LOG_DRIVERS.map((name) => Type.Literal(name))),
    /** How it has a network: the mode as it was asked for, or the default. */
    networkMode: Type.String(),
    /** Paths on the host of its own /etc/hosts, hostname and resolv.conf; they are there from its first start on. */
    nameFiles: Type.Optional(Type.Object({ hosts: Type.String(), hostname: Type.String(), resolvConf: Type.String() })),
    endpoints: Type.Array(Endpoint),
    ports: Type.Array(PublishedPort),
    /** Why the last start failed, if it did. */
    failure: Type.Optional(Type.String()),
  }),
]);
export type ContainerDetail = Static<typeof ContainerDetail>;

export const UpdateRequest = closed({
  limits: Type.Optional(Limits),
  /** Replaces what is published, also while it runs: what stays is not interrupted. */
  publish: Type.Optional(Type.Array(Publish, { maxItems: 65_535 })),
  restart: Type.Optional(RestartPolicy),
});
export type UpdateRequest = Static<typeof UpdateRequest>;

export const RenameRequest = closed({ name: Name });
export const KillRequest = closed({
  signal: Type.Optional(
    Type.String({ minLength: 1, maxLength: 32, description: 'a signal by name ("TERM", "SIGTERM") or number' }),
  ),
});
export const StopRequest = closed({
  signal: Type.Optional(
    Type.String({ minLength: 1, maxLength: 32, description: 'a signal by name ("TERM", "SIGTERM") or number' }),
  ),
  /** Seconds; absent: the container's own stopTimeout. */
  timeout: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 86_400, description: "seconds; default the container's stopTimeout" }),
  ),
});
export type StopRequest = Static<typeof StopRequest>;

/** `GET /containers`: all=true shows those that neither run nor wait for their next start; the others narrow. */
export const ListQuery = closed({
  all: Type.Optional(Type.Boolean({ description: 'also those that do not run' })),
  status: Type.Optional(Type.Array(Status)),
  name: Type.Optional(Type.String({ description: 'part of the name' })),
  id: Type.Optional(Type.String({ description: 'beginning of the id' })),
  label: Type.Optional(Type.Array(Type.String(), { description: '"key" or "key=value"' })),
  /** "none": without a health check, or before its first start. */
  health: Type.Optional(
    Type.Array(Type.Union([...HEALTH_STATUSES, 'none' as const].map((status) => Type.Literal(status)))),
  ),
  restarting: Type.Optional(Type.Boolean({ description: 'waiting, or not waiting, for the next start' })),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type ListQuery = Static<typeof ListQuery>;

export const WaitQuery = closed({
  /** stopped (default): when it does not run (now, or next); next-exit: the next end; removed: when it is gone. */
  condition: Type.Optional(Type.Union([Type.Literal('stopped'), Type.Literal('next-exit'), Type.Literal('removed')])),
});
export type WaitQuery = Static<typeof WaitQuery>;

export const RemoveQuery = closed({
  force: Type.Optional(Type.Boolean({ description: 'kill it first if it runs' })),
  volumes: Type.Optional(Type.Boolean({ description: 'its anonymous volumes too' })),
});

export const TopQuery = closed({
  options: Type.Optional(
    Type.String({ maxLength: 1024, description: 'of ps(1): -ef (default), -e, aux, or -o COLUMN,…' }),
  ),
});

export const Top = Type.Object({
  titles: Type.Array(Type.String()),
  processes: Type.Array(Type.Array(Type.String())),
});
export type Top = Static<typeof Top>;
