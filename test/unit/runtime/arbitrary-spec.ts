/** Valid config.jsons of every shape, for property tests. */
import fc from 'fast-check';
import { CAPABILITIES } from '../../../daemon/runtime/capabilities.ts';
import { RLIMITS } from '../../../daemon/runtime/spec/rlimits.ts';

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

const bind = fc.record({
  destination: inside,
  type: fc.constantFrom('bind', 'none'),
  source: outside,
  options: fc.tuple(fc.constantFrom('bind', 'rbind'), options).map(([first, rest]) => [first, ...rest]),
});
const fresh = fc.record({ destination: inside, type: fc.constantFrom('tmpfs', 'ext4', 'overlay'), options });
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
    mounts: fc.tuple(standard, fc.array(fc.oneof(bind, fresh, copied), { maxLength: 6 })),
    linux,
    others,
  })
  .map((parts) => {
    const isMapped = parts.others.includes('user');
    return {
      ociVersion: '1.3.0',
      root: { path: 'rootfs', readonly: parts.readonly },
      hostname: 'web',
      process: parts.user === undefined ? parts.process : { ...parts.process, user: parts.user },
      mounts: parts.mounts.flat(),
      linux: {
        ...parts.linux,
        namespaces: ['mount', 'uts', ...parts.others].map((type) => ({ type })),
        ...(isMapped ? { uidMappings: mapping, gidMappings: mapping } : {}),
      },
    };
  });
