/** Valid config.jsons of every shape, for property tests. */
import fc from 'fast-check';
import { CAPABILITIES } from '../../../daemon/runtime/capabilities.ts';
import { RLIMITS } from '../../../daemon/runtime/spec/rlimits.ts';
import {
  IO_CLASSES,
  MEMORY_POLICY_FLAGS,
  MEMORY_POLICY_MODES,
  SCHEDULER_FLAGS,
} from '../../../daemon/runtime/spec/validate-scheduling.ts';
import { HOOK_KINDS } from '../../../daemon/runtime/spec/types.ts';

const segment = fc.stringMatching(/^[a-zA-Z0-9_-]{1,8}$/);

/** Recognisable: no path on the host has it. */
export const MARK = '/inside-';

/** A path in the container. */
const inside = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `${MARK}${parts.join('/')}`);
const outside = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `/outside/${parts.join('/')}`);
const id = fc.integer({ min: 0, max: 0xffff_fffe });
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const optional = { requiredKeys: [] };

const attribute = fc.constantFrom(
  'ro',
  'rw',
  'nosuid',
  'dev',
  'rnoexec',
  'rro',
  'noatime',
  'strictatime',
  'nosymfollow',
);
const propagation = fc.constantFrom('private', 'rprivate', 'slave', 'rslave', 'unbindable', 'runbindable');
const options = fc.array(fc.oneof(attribute, propagation), { maxLength: 5 });
const maps = fc.constantFrom(
  [{ containerID: 0, hostID: 1000, size: 10 }],
  [
    { containerID: 0, hostID: 0, size: 1 },
    { containerID: 1, hostID: 4000, size: 9 },
  ],
);

const bind = fc.record({
  destination: inside,
  type: fc.constantFrom('bind', 'none'),
  source: outside,
  options: fc.tuple(fc.constantFrom('bind', 'rbind'), options).map(([first, rest]) => [first, ...rest]),
});
const mapped = fc.tuple(bind, maps, maps, fc.constantFrom('idmap', 'ridmap')).map(([mount, uids, gids, option]) => ({
  ...mount,
  options: [...mount.options, option],
  uidMappings: uids,
  gidMappings: gids,
}));
/** Nothing else may lie below it, and no other path begins so. */
const shared = bind.map((mount) => ({
  ...mount,
  destination: `${MARK}=shared/${String(mount.source.length)}`,
  options: ['rbind', 'rshared'],
}));
const changed = fc.record({ destination: inside, options: options.map((list) => ['remount', ...list]) });
const fresh = fc.record({
  destination: inside,
  type: fc.constantFrom('tmpfs', 'ext4', 'overlay'),
  options: fc.tuple(options, fc.subarray(['sync', 'lazytime', 'iversion', 'size=1m'])).map((lists) => lists.flat()),
});
const copied = fc.record({
  destination: inside,
  type: fc.constant('tmpfs'),
  options: options.map((list) => [...list, 'tmpcopyup']),
});
const standard = fc.subarray([
  { destination: '/proc', type: 'proc' },
  { destination: '/dev', type: 'tmpfs', options: ['ro'] },
  { destination: '/dev/pts', type: 'devpts' },
  { destination: '/sys/fs/cgroup', type: 'cgroup', options: ['rw'] },
]);

const capabilitySets = fc.subarray([...CAPABILITIES]).chain((permitted) =>
  fc.record({
    bounding: fc.subarray([...CAPABILITIES]),
    permitted: fc.constant(permitted),
    effective: fc.subarray(permitted),
    inheritable: fc.constant(permitted),
    ambient: fc.subarray(permitted),
  }),
);

const rlimit = fc
  .tuple(fc.constantFrom(...RLIMITS.keys()), u64, u64)
  .map(([type, a, b]) => (a < b ? { type, soft: a, hard: b } : { type, soft: b, hard: a }));

const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((value) => !value.includes('\0'));

/** A list of numbers up to `last`, or "". */
function list(last: number): fc.Arbitrary<string> {
  const range = fc
    .tuple(fc.nat(last), fc.nat(last))
    .map(([a, b]) => `${String(Math.min(a, b))}-${String(Math.max(a, b))}`);
  return fc.array(fc.oneof(range, fc.nat(last).map(String)), { maxLength: 3 }).map((parts) => parts.join(','));
}

const hook = fc.record(
  {
    path: outside,
    args: fc.array(text, { maxLength: 2 }),
    env: fc.constant(['A=1']),
    timeout: fc.integer({ min: 1, max: 60 }),
  },
  { requiredKeys: ['path'] },
);
const hooks = fc.dictionary(fc.constantFrom(...HOOK_KINDS), fc.array(hook, { maxLength: 2 }), {
  noNullPrototype: true,
});

const seccomp = fc.record(
  {
    defaultAction: fc.constantFrom('SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_ERRNO'),
    listenerPath: outside,
    flags: fc.subarray(['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_TSYNC', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW']),
    architectures: fc.subarray(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_AARCH64']),
    syscalls: fc.array(
      fc.record({
        names: fc.subarray(['mkdir', 'mkdirat', 'ptrace', 'no_such_call'], { minLength: 1 }),
        action: fc.constantFrom('SCMP_ACT_NOTIFY', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_TRAP'),
        args: fc.array(
          fc.record({
            index: fc.nat(5),
            value: u64,
            valueTwo: u64,
            op: fc.constantFrom('SCMP_CMP_EQ', 'SCMP_CMP_MASKED_EQ'),
          }),
          { maxLength: 2 },
        ),
      }),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: ['defaultAction', 'listenerPath'] },
);

const process = fc.record(
  {
    cwd: inside,
    args: fc
      .tuple(
        text.filter((value) => value !== ''),
        fc.array(text, { maxLength: 3 }),
      )
      .map(([a, rest]) => [a, ...rest]),
    env: fc.array(
      fc.tuple(segment, text).map(([name, value]) => `${name}=${value}`),
      { maxLength: 5 },
    ),
    rlimits: fc.uniqueArray(rlimit, { selector: ({ type }) => type }),
    capabilities: capabilitySets,
    noNewPrivileges: fc.boolean(),
    oomScoreAdj: fc.integer({ min: -1000, max: 1000 }),
    scheduler: fc.oneof(
      fc.record({ policy: fc.constantFrom('SCHED_OTHER', 'SCHED_BATCH'), nice: fc.integer({ min: -20, max: 19 }) }),
      fc.record({ policy: fc.constantFrom('SCHED_FIFO', 'SCHED_RR'), priority: fc.integer({ min: 1, max: 99 }) }),
      fc.record({
        policy: fc.constant('SCHED_DEADLINE'),
        flags: fc.subarray([...SCHEDULER_FLAGS.keys()]),
        runtime: u64,
        deadline: u64,
        period: u64,
      }),
    ),
    ioPriority: fc.record({ class: fc.constantFrom(...IO_CLASSES.keys()), priority: fc.integer({ min: 0, max: 7 }) }),
    execCPUAffinity: fc.record({ initial: list(8191), final: list(8191) }, optional),
    apparmorProfile: fc.constantFrom('', 'unconfined', 'some-profile'),
    selinuxLabel: fc.constantFrom('', 'u:r:t:s0:c1,c2'),
  },
  { requiredKeys: ['cwd', 'args'] },
);

const user = fc.record(
  { uid: id, gid: id, umask: fc.integer({ min: 0, max: 0o777 }), additionalGids: fc.array(id, { maxLength: 4 }) },
  { requiredKeys: ['uid', 'gid'] },
);

const device = fc.record({
  // Not below a bind mount, which is refused.
  path: inside.map((path) => `${MARK}device-nodes${path}`),
  type: fc.constantFrom('c', 'b', 'u', 'p'),
  major: fc.integer({ min: 0, max: 0xfff }),
  minor: fc.integer({ min: 0, max: 0xf_ffff }),
});

const linux = fc.record(
  {
    devices: fc.uniqueArray(device, { maxLength: 4, selector: ({ path }) => path }),
    maskedPaths: fc.array(inside, { maxLength: 4 }),
    readonlyPaths: fc.array(inside, { maxLength: 4 }),
    rootfsPropagation: fc.constantFrom('private', 'rslave', 'shared', 'unbindable', ''),
    seccomp,
    mountLabel: fc.constantFrom('', 'u:r:t:s0:c1,c2'),
    personality: fc.record({ domain: fc.constantFrom('LINUX', 'LINUX32') }),
    memoryPolicy: fc.record(
      {
        mode: fc.constantFrom(...MEMORY_POLICY_MODES.keys()),
        nodes: list(1023),
        flags: fc.subarray([...MEMORY_POLICY_FLAGS.keys()]),
      },
      { requiredKeys: ['mode'] },
    ),
    intelRdt: fc.record(
      {
        schemata: fc.constant(['L3:0=f']),
        memBwSchema: fc.constant('MB:0=50'),
        l3CacheSchema: fc.constant('L3:0=1'),
        enableMonitoring: fc.boolean(),
      },
      optional,
    ),
    resources: fc.record({ memory: fc.record({ limit: fc.integer({ min: 1, max: 2 ** 40 }) }) }, optional),
  },
  optional,
);

const others = fc.subarray(['pid', 'network', 'ipc', 'cgroup', 'time', 'user']);
const mapping = [{ containerID: 0, hostID: 0, size: 0xffff_ffff }];

export const arbitrarySpec = fc
  .record({
    readonly: fc.boolean(),
    process,
    user: fc.option(user, { nil: undefined }),
    mounts: fc.tuple(standard, fc.array(fc.oneof(bind, fresh, copied, mapped, shared, changed), { maxLength: 6 })),
    linux,
    hooks,
    others,
    byPath: others,
    joinsMounts: fc.boolean(),
  })
  .map((parts) => {
    const isMapped = parts.others.includes('user') && !parts.byPath.includes('user');
    const types = ['mount', 'uts', ...parts.others];
    // In a user namespace there has to be a mount namespace of its own.
    const joined = new Set([
      ...parts.byPath,
      ...(parts.joinsMounts && !parts.others.includes('user') ? ['mount'] : []),
    ]);
    const network = parts.others.includes('network');
    return {
      ociVersion: '1.3.0',
      root: { path: 'rootfs', readonly: parts.readonly },
      hostname: 'web',
      hooks: parts.hooks,
      process: parts.user === undefined ? parts.process : { ...parts.process, user: parts.user },
      mounts: parts.mounts.flat(),
      linux: {
        ...parts.linux,
        ...(network ? { netDevices: { eth9: {} } } : {}),
        namespaces: types.map((type) => (joined.has(type) ? { type, path: `/outside/ns/${type}` } : { type })),
        ...(isMapped ? { uidMappings: mapping, gidMappings: mapping } : {}),
      },
    };
  });
