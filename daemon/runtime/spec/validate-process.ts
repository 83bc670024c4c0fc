/** config.json: `process`, config.md#process of runtime-spec 1.3.0. */
import { parseCapability } from '../capabilities.ts';
import {
  absolutePath,
  after,
  and,
  boolean,
  id,
  integer,
  list,
  object,
  oneOf,
  text,
  u16,
  u64,
  unique,
  type Check,
  type Rules,
} from './check.ts';
import { SpecError } from './error.ts';
import { RLIMITS } from './rlimits.ts';
import type { CapabilitySets, Process, User } from './types.ts';
import { affinity, ioPriority, scheduler } from './validate-scheduling.ts';

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

function withoutVain(sets: CapabilitySets, field: string, { warn }: Rules): CapabilitySets {
  const { ambient, inheritable = [] } = sets;
  if (ambient === undefined) return sets;
  const vain = ambient.filter((name) => !inheritable.includes(name));
  if (vain.length > 0) warn?.(`${field}.ambient`, `${vain.join(', ')}: not inheritable, and so never ambient`);
  return { ...sets, ambient: ambient.filter((name) => inheritable.includes(name)) };
}

/**
 * What the kernel would refuse with a bare EPERM, capabilities(7). An ambient capability that is not inheritable it never
 * has; tools write some in vain (`runc spec` does): of a bundle they are left out, of a person's words refused.
 */
const capabilities: Check<CapabilitySets> = after(
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
  (sets, field, rules) => {
    subset(sets, 'effective', 'permitted', field);
    subset(sets, 'ambient', 'permitted', field);
    if (rules.unknown === 'refuse') subset(sets, 'ambient', 'inheritable', field);
    return withoutVain(sets, field, rules);
  },
);

const user: Check<User> = object<User>({ uid: id, gid: id, umask: integer(0, 0o777), additionalGids: list(id) }, [
  'uid',
  'gid',
]);

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
    apparmorProfile: text,
    selinuxLabel: text,
    capabilities,
    noNewPrivileges: boolean,
    oomScoreAdj: integer(-1000, 1000),
    scheduler,
    ioPriority,
    execCPUAffinity: affinity,
    user,
  },
  ['cwd'],
);
