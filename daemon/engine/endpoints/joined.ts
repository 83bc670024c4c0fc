/** Mode "container:": the network namespace, and the files for names, of another container. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { parseMode } from './mode.ts';

const FIELD = 'network.mode';

/** A chain of containers that join one another ends somewhere: none can join one that was made after it. */
export function filesOwner(context: Context, container: Container): Container | undefined {
  const mode = parseMode(container.row.network.mode);
  if (mode.is !== 'container') return container.row.network.files === undefined ? undefined : container;
  const next = context.containers.get(mode.ref);
  return next === undefined ? undefined : filesOwner(context, next);
}

/**
 * A descriptor of the network namespace of a container that runs; the caller closes it.
 *
 * @param id - of the container that is joined
 * @throws EngineError `container_not_found`, `container_not_running`
 */
export function openNetworkOf(context: Context, id: string): number {
  const container = context.containers.get(id);
  if (container === undefined) {
    throw new EngineError('container_not_found', `the container whose network is to be joined is gone: ${id}`, {
      field: FIELD,
    });
  }
  return openNamespace(container);
}

/** Throws `container_not_running`. */
export function openNamespace(container: Container): number {
  return openNamespaceFile(container, 'net', { field: FIELD, what: 'network' });
}

/** What of the container is asked for, and by which field. */
interface AskedOf {
  readonly field: string;
  readonly what: string;
}

/**
 * Of its init, by number and start time: a number alone may be somebody else's by now. The caller closes it.
 *
 * @param file - of /proc/PID/ns, namespaces(7)
 * @throws EngineError `container_not_running`
 */
export function openNamespaceFile(container: Container, file: 'net' | 'pid' | 'ipc' | 'mnt', asked: AskedOf): number {
  const { pid, processStarted } = container.row;
  const isThere = pid !== null && container.run !== undefined && !container.run.ending;
  if (!isThere) throw notRunning(container, asked);
  let namespace: number | undefined;
  try {
    namespace = openSync(`/proc/${String(pid)}/ns/${file}`, 'r');
    // read after the opening: if it is still the same process, it was then
    if (startTimeOf(pid) === processStarted) return namespace;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')))
      throw error;
  }
  if (namespace !== undefined) closeSync(namespace);
  throw notRunning(container, asked);
}

/** Field 22 of /proc/PID/stat, proc_pid_stat(5); the second is a name in parentheses that may hold any. */
function startTimeOf(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}

function notRunning({ name }: Container, { field, what }: AskedOf): EngineError {
  return new EngineError('container_not_running', `container ${name}, whose ${what} is asked for, does not run`, {
    field,
  });
}
