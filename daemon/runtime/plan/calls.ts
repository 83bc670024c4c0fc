/**
 * Operations that are one system call each. The C program knows none of them: encodePlan writes them as the
 * `system_call` that they are, and decodePlan reads them back, so that everybody else has them by their own names.
 */
import { RecordReader, RecordWriter } from '../../../shared/wire/fields.ts';
import { syscallNumber } from '../seccomp/architectures.ts';
import { OPERATIONS, type Operation, type OperationName, type OperationValues } from './operations.ts';

export type SystemCall = Extract<Operation, { op: 'system_call' }>;
type Given = Pick<SystemCall, 'arguments'> & Partial<Pick<SystemCall, 'buffer' | 'buffer_argument'>>;

interface Call<N extends OperationName> {
  /** As it is named where it fails. No two are named alike. */
  readonly name: string;
  /** As the kernel's tables name it. */
  readonly syscall: string;
  /** An errno that is no failure. */
  readonly tolerated?: number;
  readonly write: (values: Readonly<OperationValues<N>>) => Given;
  readonly read: (call: SystemCall) => OperationValues<N>;
}

const ENOSYS = 38;
const KEYCTL_JOIN_SESSION_KEYRING = 1;
const PR_SET_NO_NEW_PRIVS = 38;
const CLONE_NEWCGROUP = 0x0200_0000;
const LIMITS = { soft: 'u64', hard: 'u64' } as const;

/** A text as C has it. */
function terminated(name: string, operation: OperationName): Buffer {
  const writer = new RecordWriter();
  writer.record({ name: 'str' }, { name }, operation);
  return writer.take().subarray(4);
}

function textOf({ buffer }: SystemCall): string {
  return Buffer.from(buffer).toString('utf8', 0, buffer.length - 1);
}

/** A name and its length. */
function naming(operation: 'hostname' | 'domainname', syscall: string): Call<typeof operation> {
  return {
    name: syscall,
    syscall,
    write: ({ name }) => {
      const buffer = terminated(name, operation);
      return { arguments: [0, buffer.length - 1], buffer, buffer_argument: 0 };
    },
    read: (call) => ({ name: textOf(call) }),
  };
}

const CALLS = {
  cgroup_namespace: {
    name: 'unshare of the cgroup namespace',
    syscall: 'unshare',
    write: () => ({ arguments: [CLONE_NEWCGROUP] }),
    read: () => ({}),
  } satisfies Call<'cgroup_namespace'>,
  root_propagation: {
    name: 'mount',
    syscall: 'mount',
    write: ({ flags }) => ({ arguments: [0, 0, 0, flags, 0], buffer: Buffer.from('/\0'), buffer_argument: 1 }),
    read: (call) => ({ flags: call.arguments[3] ?? 0 }),
  } satisfies Call<'root_propagation'>,
  hostname: naming('hostname', 'sethostname'),
  domainname: naming('domainname', 'setdomainname'),
  rlimit: {
    name: 'prlimit',
    syscall: 'prlimit64',
    write: ({ resource, ...limits }) => {
      const writer = new RecordWriter();
      writer.record(LIMITS, limits, 'rlimit');
      return { arguments: [0, resource, 0, 0], buffer: writer.take(), buffer_argument: 2 };
    },
    read: (call) => ({ resource: call.arguments[1] ?? 0, ...new RecordReader(call.buffer).record(LIMITS) }),
  } satisfies Call<'rlimit'>,
  keyring: {
    name: 'keyctl',
    syscall: 'keyctl',
    // A kernel without keyrings has none to hand down either.
    tolerated: ENOSYS,
    write: ({ name }) => ({
      arguments: [KEYCTL_JOIN_SESSION_KEYRING, 0],
      buffer: terminated(name, 'keyring'),
      buffer_argument: 1,
    }),
    read: (call) => ({ name: textOf(call) }),
  } satisfies Call<'keyring'>,
  umask: {
    name: 'umask',
    syscall: 'umask',
    write: ({ mask }) => ({ arguments: [mask] }),
    read: (call) => ({ mask: call.arguments[0] ?? 0 }),
  } satisfies Call<'umask'>,
  no_new_privs: {
    name: 'prctl PR_SET_NO_NEW_PRIVS',
    syscall: 'prctl',
    write: () => ({ arguments: [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0] }),
    read: () => ({}),
  } satisfies Call<'no_new_privs'>,
};

type CallName = keyof typeof CALLS;

const NAMES: ReadonlyMap<string, CallName> = new Map(
  Object.entries(CALLS).map(([operation, { name }]) => [name, operation as CallName]),
);

/** Whether it is one of these. */
export function isCall(name: OperationName): name is CallName {
  return Object.hasOwn(CALLS, name);
}

/** The system call that `operation` is; any other operation as it stands. @throws UnencodableValue */
export function lowered(operation: Operation): Operation {
  if (!isCall(operation.op)) return operation;
  const call = CALLS[operation.op] as Call<CallName>;
  return {
    op: 'system_call',
    name: call.name,
    number: syscallNumber(call.syscall),
    buffer: new Uint8Array(),
    buffer_argument: -1,
    tolerated: call.tolerated ?? 0,
    ...call.write(operation),
  };
}

/** What `lowered` was given. @throws MalformedRecord */
export function raised(operation: Operation): Operation {
  const op = operation.op === 'system_call' ? NAMES.get(operation.name) : undefined;
  return op === undefined ? operation : ({ op, ...CALLS[op].read(operation as SystemCall) } as Operation);
}

/** What the C program knows. */
export const WIRE_OPERATIONS: readonly OperationName[] = (Object.keys(OPERATIONS) as OperationName[]).filter(
  (name) => !isCall(name),
);
