/**
 * config.json: `linux.seccomp`, config-linux.md#seccomp of runtime-spec 1.3.0. Structure; what names, actions and
 * comparisons mean is daemon/runtime/seccomp's to say.
 */
import { and, integer, list, nonEmpty, object, oneOf, text, u32, u64, type Check } from './check.ts';
import { SpecError } from './error.ts';
import { ACTIONS, OPERATORS, type Seccomp, type SeccompRule } from './types.ts';

const action: Check<string> = oneOf(ACTIONS);

type Argument = Exclude<SeccompRule['args'], undefined>[number];

const rule = object<SeccompRule>(
  {
    names: and(list(nonEmpty), (names, field) => {
      if (names.length === 0) throw new SpecError(field, 'names no system call');
    }),
    action,
    errnoRet: u32,
    args: list(
      object<Argument>({ index: integer(0, 5), value: u64, valueTwo: u64, op: oneOf(OPERATORS) }, [
        'index',
        'value',
        'op',
      ]),
    ),
  },
  ['names', 'action'],
);

export const seccomp: Check<Seccomp> = and(
  object<Seccomp>(
    {
      defaultAction: action,
      defaultErrnoRet: u32,
      architectures: list(nonEmpty),
      flags: list(nonEmpty),
      listenerPath: text,
      listenerMetadata: text,
      syscalls: list(rule),
    },
    ['defaultAction'],
  ),
  ({ listenerPath = '', listenerMetadata = '' }, field) => {
    if (listenerMetadata !== '' && listenerPath === '') {
      throw new SpecError(`${field}.listenerMetadata`, 'needs listenerPath');
    }
  },
);
