/** config.json: `process`, config.md#process of runtime-spec 1.3.0. */
import { parseCapability } from '../capabilities.ts';
import {
  absolutePath,
  and,
  boolean,
  i32,
  id,
  integer,
  list,
  object,
  oneOf,
  text,
  u16,
  u64,
  unique,
  unsupported,
  type Check,
} from './check.ts';
import { SpecError } from './error.ts';
import { RLIMITS } from './rlimits.ts';
import type { CapabilitySets, Process, User } from './types.ts';

type Of<K extends keyof Process> = Exclude<Process[K], undefined>;
type Rlimit = Of<'rlimits'>[number];

const variable: Check<string> = and(text, (value, field) => {
  if (value.indexOf('=') < 1) throw new SpecError(field, `"${value}" is not NAME=value`);
});

const rlimit: Check<Rlimit> = and(
  object<Rlimit>({ type: oneOf([...RLIMITS.keys()]), soft: u64, hard: u64 }, ['type', 'soft', 'hard']),
  ({ soft, hard }, field) => {
    if (soft > hard)
      throw new SpecError(`${field}.soft`, `${String(soft)} is more than the hard limit ${String(hard)}`);
  },
);

const rlimits: Check<Rlimit[]> = and(list(rlimit), (items, field) => {
  unique(items, field, (item) => item.type, 'type');
});

const capability: Check<string> = (value, field, rules) => {
  const name = text(value, field, rules);
  const known = parseCapability(name);
  if (known === undefined || !name.toUpperCase().startsWith('CAP_')) {
    throw new SpecError(field, `"${name}" is not a capability`);
  }
  return known;
};

function subset(sets: CapabilitySets, inner: keyof CapabilitySets, outer: keyof CapabilitySets, field: string): void {
  for (const [index, name] of (sets[inner] ?? []).entries()) {
    if (sets[outer]?.includes(name) !== true) {
      throw new SpecError(`${field}.${inner}[${String(index)}]`, `${name} is not among the ${outer} ones`);
    }
  }
}

/** What the kernel would refuse with a bare EPERM, capabilities(7). */
const capabilities: Check<CapabilitySets> = and(
  object<CapabilitySets>(
    {
      bounding: list(capability),
      effective: list(capability),
      inheritable: list(capability),
      permitted: list(capability),
      ambient: list(capability),
    },
    [],
  ),
  (sets, field) => {
    subset(sets, 'effective', 'permitted', field);
    subset(sets, 'ambient', 'permitted', field);
    subset(sets, 'ambient', 'inheritable', field);
  },
);

const user: Check<User> = object<User>({ uid: id, gid: id, umask: integer(0, 0o777), additionalGids: list(id) }, [
  'uid',
  'gid',
]);

const scheduler = object<Of<'scheduler'>>(
  {
    policy: oneOf([
      'SCHED_OTHER',
      'SCHED_FIFO',
      'SCHED_RR',
      'SCHED_BATCH',
      'SCHED_ISO',
      'SCHED_IDLE',
      'SCHED_DEADLINE',
    ]),
    nice: i32,
    priority: i32,
    flags: list(text),
    runtime: u64,
    deadline: u64,
    period: u64,
  },
  ['policy'],
);

const ioPriority = object<Of<'ioPriority'>>(
  { class: oneOf(['IOPRIO_CLASS_RT', 'IOPRIO_CLASS_BE', 'IOPRIO_CLASS_IDLE']), priority: i32 },
  ['class'],
);

const affinity = object<Of<'execCPUAffinity'>>({ initial: text, final: text }, []);

const args: Check<string[]> = and(list(text), (items, field) => {
  if (items.length === 0) throw new SpecError(field, 'names no command');
  if (items[0] === '') throw new SpecError(`${field}[0]`, 'is empty');
});

/** `process` of a config.json, or the process.json of an exec. `commandLine` and `user.username` are Windows', so unknown. */
export const processCheck: Check<Process> = object<Process>(
  {
    terminal: boolean,
    consoleSize: object<Of<'consoleSize'>>({ height: u16, width: u16 }, ['height', 'width']),
    cwd: absolutePath,
    env: list(variable),
    args,
    rlimits,
    apparmorProfile: unsupported(text, (name) => name === '' || name === 'unconfined', 'AppArmor is not supported'),
    selinuxLabel: unsupported(text, (label) => label === '', 'SELinux is not supported'),
    capabilities,
    noNewPrivileges: boolean,
    oomScoreAdj: integer(-1000, 1000),
    scheduler: unsupported(scheduler, () => false),
    ioPriority: unsupported(ioPriority, () => false),
    execCPUAffinity: unsupported(affinity, ({ initial = '', final = '' }) => initial === '' && final === ''),
    user,
  },
  ['cwd'],
);
