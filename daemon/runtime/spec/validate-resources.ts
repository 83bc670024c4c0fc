/**
 * config.json: `linux.resources`, config-linux.md#control-groups of runtime-spec 1.3.0. Structure and ranges; whether
 * the host has the controller is daemon/runtime/cgroups' to say.
 */
import {
  I64_MAX,
  after,
  and,
  boolean,
  i64,
  integer,
  list,
  mapOf,
  nonEmpty,
  object,
  oneOf,
  text,
  u16,
  u32,
  u64,
  type Check,
} from './check.ts';
import { SpecError } from './error.ts';
import type { DeviceRule, Resources, ThrottleDevice } from './types.ts';

type Of<K extends keyof Resources> = Exclude<Resources[K], undefined>;
type BlockIo = Of<'blockIO'>;
type WeightDevice = Exclude<BlockIo['weightDevice'], undefined>[number];

/** -1 is "no limit". */
const limit = integer(-1, I64_MAX);
const CPU_LIST = /^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$/;
const PAGE_SIZE = /^[1-9][0-9]*[KMG]B$/;
/** A file of a v2 group: "memory.high". No slash, and nothing that leaves the group. */
const UNIFIED_KEY = /^[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)+$/;

function matching(pattern: RegExp, problem: string): Check<string> {
  return and(text, (value, field) => {
    if (!pattern.test(value)) throw new SpecError(field, `"${value}" ${problem}`);
  });
}

const cpuList: Check<string> = and(text, (value, field) => {
  if (value !== '' && !CPU_LIST.test(value)) throw new SpecError(field, `"${value}" is not a list such as "0-2,4"`);
});

const deviceNumber: Check<number | bigint> = (value, field, rules) => integer(-1, 0xffff_ffff)(value, field, rules);

/** -1 for a number is how some tools write "any": it is left out. */
const deviceRule: Check<DeviceRule> = after(
  object<DeviceRule>(
    {
      allow: boolean,
      type: oneOf(['a', 'c', 'b', '']),
      major: deviceNumber,
      minor: deviceNumber,
      access: matching(/^(?!.*(.).*\1)[rwm]*$/, 'is not made of the letters r, w and m'),
    },
    ['allow'],
  ),
  (rule) => {
    if (rule.type === '') delete rule.type;
    if (rule.access === '') delete rule.access;
    if (rule.major === -1) delete rule.major;
    if (rule.minor === -1) delete rule.minor;
    return rule;
  },
);

const throttle = list(object<ThrottleDevice>({ major: u32, minor: u32, rate: u64 }, ['major', 'minor', 'rate']));

const blockIO = object<BlockIo>(
  {
    weight: u16,
    leafWeight: u16,
    weightDevice: list(
      object<WeightDevice>({ major: u32, minor: u32, weight: u16, leafWeight: u16 }, ['major', 'minor']),
    ),
    throttleReadBpsDevice: throttle,
    throttleWriteBpsDevice: throttle,
    throttleReadIOPSDevice: throttle,
    throttleWriteIOPSDevice: throttle,
  },
  [],
);

const memory = object<Of<'memory'>>(
  {
    limit,
    reservation: limit,
    swap: limit,
    kernel: limit,
    kernelTCP: limit,
    swappiness: integer(0, 200),
    disableOOMKiller: boolean,
    useHierarchy: boolean,
    checkBeforeUpdate: boolean,
  },
  [],
);

const cpu = object<Of<'cpu'>>(
  {
    shares: u64,
    quota: i64,
    burst: u64,
    period: u64,
    realtimeRuntime: i64,
    realtimePeriod: u64,
    cpus: cpuList,
    mems: cpuList,
    idle: i64,
  },
  [],
);

export const resources: Check<Resources> = object<Resources>(
  {
    devices: list(deviceRule),
    memory,
    cpu,
    pids: object<Of<'pids'>>({ limit }, ['limit']),
    blockIO,
    hugepageLimits: list(
      object<Of<'hugepageLimits'>[number]>(
        { pageSize: matching(PAGE_SIZE, 'is not a page size such as "2MB"'), limit: u64 },
        ['pageSize', 'limit'],
      ),
    ),
    network: object<Of<'network'>>(
      {
        classID: u32,
        priorities: list(
          object<Exclude<Of<'network'>['priorities'], undefined>[number]>({ name: nonEmpty, priority: u32 }, [
            'name',
            'priority',
          ]),
        ),
      },
      [],
    ),
    rdma: mapOf(object<Of<'rdma'>[string]>({ hcaHandles: u32, hcaObjects: u32 }, [])),
    unified: mapOf(text, (name, field) => {
      if (!UNIFIED_KEY.test(name)) throw new SpecError(`${field}.${name}`, 'is not a file of a control group');
    }),
  },
  [],
);
