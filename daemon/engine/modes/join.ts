/** What a start needs to join the namespaces of containers that run: descriptors of them, held until init is there. */
import { closeSync, statSync } from 'node:fs';
import type { NamespaceType } from '../../runtime/spec/types.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { openNamespaceFile } from '../endpoints/joined.ts';
import { EngineError } from '../errors.ts';
import { specOf } from '../launch-plan.ts';
import type { Joins } from './modes.ts';

export interface OpenedJoins {
  readonly namespaces: ReadonlyMap<NamespaceType, number>;
  /** The mount namespace of the container whose /dev/shm is shared. */
  readonly sharedMemory: number | undefined;
}

/**
 * The caller closes them.
 *
 * @throws EngineError `container_not_found`, `container_not_running`, `unsupported`
 */
export function openJoins(context: Context, joins: Joins): OpenedJoins {
  const namespaces = new Map<NamespaceType, number>();
  let sharedMemory: number | undefined;
  try {
    if (joins.ipc !== undefined) {
      const owner = found(context, joins.ipc, 'ipc');
      namespaces.set('ipc', openNamespaceFile(owner, 'ipc', { field: 'ipc', what: 'IPC namespace' }));
      sharedMemory = openNamespaceFile(owner, 'mnt', { field: 'ipc', what: '/dev/shm' });
    }
    if (joins.pid !== undefined) {
      const owner = found(context, joins.pid, 'pid');
      namespaces.set('pid', openNamespaceFile(owner, 'pid', { field: 'pid', what: 'pid namespace' }));
      refuseTracers(context, owner);
    }
    return { namespaces, sharedMemory };
  } catch (error) {
    closeJoins({ namespaces, sharedMemory });
    throw error;
  }
}

export function closeJoins({ namespaces, sharedMemory }: OpenedJoins): void {
  for (const namespace of namespaces.values()) closeSync(namespace);
  if (sharedMemory !== undefined) closeSync(sharedMemory);
}

function found(context: Context, id: string, field: keyof Joins): Container {
  const container = context.containers.get(id);
  if (container !== undefined) return container;
  throw new EngineError(
    'container_not_found',
    `the container whose ${field} namespace is to be joined is gone: ${id}`,
    {
      field,
    },
  );
}

/**
 * Init is seen by all who live in that pid namespace while it still is root of the host, on the host's files. Its being
 * undumpable keeps everybody out but those with CAP_SYS_PTRACE, ptrace(2): they could do with it what they like.
 */
function refuseTracers(context: Context, owner: Container): void {
  const shared = inodeOf(owner);
  for (const container of context.containers) {
    if (container.run === undefined || inodeOf(container) !== shared) continue;
    const { process, linux } = specOf(context, container);
    const { bounding = [], permitted = [] } = process?.capabilities ?? {};
    const isForeign = linux?.namespaces?.some(({ type }) => type === 'user') === true;
    if (isForeign || ![...bounding, ...permitted].includes('CAP_SYS_PTRACE')) continue;
    throw new EngineError(
      'unsupported',
      `pid: container ${container.name} has CAP_SYS_PTRACE in that pid namespace: it could seize others as they start`,
      { field: 'pid', hint: 'let the container that traces join last' },
    );
  }
}

/** Undefined where it has just ended. */
function inodeOf({ row }: Container): number | undefined {
  return statSync(`/proc/${String(row.pid)}/ns/pid`, { throwIfNoEntry: false })?.ino;
}
