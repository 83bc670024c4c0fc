/**
 * config.json: `linux.seccomp`, config-linux.md#seccomp of runtime-spec 1.3.0. Structure; what names, actions and
 * comparisons mean is daemon/runtime/seccomp's to say.
 */
import { and, integer, list, nonEmpty, object, oneOf, text, u32, u64, unsupported, type Check } from './check.ts';
import { SpecError } from './error.ts';
import type { Seccomp, SeccompRule } from './types.ts';

/** The action that hands a call to another process. */
const NOTIFY = 'SCMP_ACT_NOTIFY';
const NO_LISTENER = 'system calls cannot be handed to a listener';

const action: Check<string> = unsupported(
  oneOf([
    'SCMP_ACT_KILL',
    'SCMP_ACT_KILL_PROCESS',
    'SCMP_ACT_KILL_THREAD',
    'SCMP_ACT_TRAP',
    'SCMP_ACT_ERRNO',
    'SCMP_ACT_TRACE',
    'SCMP_ACT_ALLOW',
    'SCMP_ACT_LOG',
    NOTIFY,
  ]),
  (name) => name !== NOTIFY,
  NO_LISTENER,
);

const operators = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] as const;

type Argument = Exclude<SeccompRule['args'], undefined>[number];

const rule = object<SeccompRule>(
  {
    names: and(list(nonEmpty), (names, field) => {
      if (names.length === 0) throw new SpecError(field, 'names no system call');
    }),
    action,
    errnoRet: u32,
    args: list(
      object<Argument>({ index: integer(0, 5), value: u64, valueTwo: u64, op: oneOf(operators) }, [
        'index',
        'value',
        'op',
      ]),
    ),
  },
  ['names', 'action'],
);

export const seccomp: Check<Seccomp> = object<Seccomp>(
  {
    defaultAction: action,
    defaultErrnoRet: u32,
    architectures: list(nonEmpty),
    flags: list(nonEmpty),
    listenerPath: unsupported(text, (path) => path === '', NO_LISTENER),
    listenerMetadata: unsupported(text, (metadata) => metadata === '', NO_LISTENER),
    syscalls: list(rule),
  },
  ['defaultAction'],
);
