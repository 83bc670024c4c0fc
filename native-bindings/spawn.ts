/**
 * posix_spawn(3): a child in a session of its own that inherits the descriptors it is given and nothing else.
 * Against child_process.spawn it costs a tenth, and the child is waited for by wait.ts, not by libuv.
 */
import { SystemError, libcFunction } from './libc.ts';

export interface SpawnRequest {
  readonly file: string;
  /** argv, the name first. */
  readonly arguments: readonly string[];
  /** "NAME=value" each. */
  readonly environment: readonly string[];
  /** Descriptors of this process that become the child's 0, 1, 2, … in this order. */
  readonly descriptors: readonly number[];
  /** Working directory; "/" where absent. */
  readonly directory?: string;
}

// <spawn.h> of glibc
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
/** Room for posix_spawn_file_actions_t (80 bytes), posix_spawnattr_t (336) and sigset_t (128), with a margin. */
const OPAQUE_SIZE = 512;

type Opaque = Buffer;
const actionsInit = libcFunction<[Opaque], number>('int posix_spawn_file_actions_init(void *actions)');
const actionsDestroy = libcFunction<[Opaque], number>('int posix_spawn_file_actions_destroy(void *actions)');
const addDup2 = libcFunction<[Opaque, number, number], number>(
  'int posix_spawn_file_actions_adddup2(void *actions, int from, int to)',
);
const addCloseFrom = libcFunction<[Opaque, number], number>(
  'int posix_spawn_file_actions_addclosefrom_np(void *actions, int from)',
);
const addChdir = libcFunction<[Opaque, string], number>(
  'int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)',
);
const attributesInit = libcFunction<[Opaque], number>('int posix_spawnattr_init(void *attributes)');
const attributesDestroy = libcFunction<[Opaque], number>('int posix_spawnattr_destroy(void *attributes)');
const setFlags = libcFunction<[Opaque, number], number>('int posix_spawnattr_setflags(void *attributes, short flags)');
const setDefaultSignals = libcFunction<[Opaque, Opaque], number>(
  'int posix_spawnattr_setsigdefault(void *attributes, const void *signals)',
);
const setSignalMask = libcFunction<[Opaque, Opaque], number>(
  'int posix_spawnattr_setsigmask(void *attributes, const void *signals)',
);
const emptySignals = libcFunction<[Opaque], number>('int sigemptyset(void *signals)');
const allSignals = libcFunction<[Opaque], number>('int sigfillset(void *signals)');
const posixSpawn = libcFunction<
  [Opaque, string, Opaque, Opaque, readonly (string | null)[], readonly (string | null)[]],
  number
>(
  'int posix_spawn(void *pid, const char *file, const void *actions, const void *attributes, const char **arguments, const char **environment)',
);

function succeed(error: number, call: string, path?: string): void {
  if (error !== 0) throw new SystemError(call, error, path);
}

function fileActions({ descriptors, directory = '/' }: SpawnRequest): Opaque {
  const actions = Buffer.alloc(OPAQUE_SIZE);
  succeed(actionsInit(actions), 'posix_spawn_file_actions_init');
  descriptors.forEach((from, to) => {
    // a source among the targets could be overwritten before it is taken
    if (from !== to && from < descriptors.length) throw new RangeError(`descriptor ${String(from)} is also a target`);
    succeed(addDup2(actions, from, to), 'posix_spawn_file_actions_adddup2');
  });
  succeed(addCloseFrom(actions, descriptors.length), 'posix_spawn_file_actions_addclosefrom_np');
  succeed(addChdir(actions, directory), 'posix_spawn_file_actions_addchdir_np');
  return actions;
}

/** Signals as a fresh program expects them: Node ignores SIGPIPE, and its threads block what libuv handles. */
function attributes(): Opaque {
  const made = Buffer.alloc(OPAQUE_SIZE);
  const signals = Buffer.alloc(OPAQUE_SIZE);
  succeed(attributesInit(made), 'posix_spawnattr_init');
  allSignals(signals);
  succeed(setDefaultSignals(made, signals), 'posix_spawnattr_setsigdefault');
  emptySignals(signals);
  succeed(setSignalMask(made, signals), 'posix_spawnattr_setsigmask');
  const flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
  succeed(setFlags(made, flags), 'posix_spawnattr_setflags');
  return made;
}

/** What posix_spawn is called with; `free` gives back what libc allocated for it. */
class Call {
  private readonly actions: Opaque;
  private readonly attributes: Opaque;
  private readonly pid = Buffer.alloc(OPAQUE_SIZE);
  private readonly request: SpawnRequest;

  constructor(request: SpawnRequest) {
    this.request = request;
    this.actions = fileActions(request);
    this.attributes = attributes();
  }

  get parameters(): Parameters<typeof posixSpawn> {
    const { file, arguments: words, environment } = this.request;
    return [this.pid, file, this.actions, this.attributes, [...words, null], [...environment, null]];
  }

  /** The pid, where `error` is 0. */
  outcome(error: number): number {
    succeed(error, 'posix_spawn', this.request.file);
    return this.pid.readInt32LE(0);
  }

  free(): void {
    attributesDestroy(this.attributes);
    actionsDestroy(this.actions);
  }
}

/** Starts the child on one of koffi's threads. Resolves to its pid; throws SystemError. */
export async function spawn(request: SpawnRequest): Promise<number> {
  const call = new Call(request);
  try {
    return call.outcome(await posixSpawn.onThread(...call.parameters));
  } finally {
    call.free();
  }
}

/** The same on this thread, which waits until the child has its program. */
export function spawnNow(request: SpawnRequest): number {
  const call = new Call(request);
  try {
    return call.outcome(posixSpawn(...call.parameters));
  } finally {
    call.free();
  }
}
