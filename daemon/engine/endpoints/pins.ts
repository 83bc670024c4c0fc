/**
 * Namespaces of a container bound to files of the host, for others to join: from the start of a run until the next one,
 * or the removal. That they may be there is recorded with the intent to start: a file is taken away by us only where we
 * have found it free before.
 */
import { statfsSync } from 'node:fs';
import type { PinNamespaces } from '../../../shared/api/network.ts';
import { pin, PinError, unpin } from '../../network/plane/pins.ts';
import type { NamespaceType, Spec } from '../../runtime/spec/types.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';

type PinName = keyof PinNamespaces;

/** By the files of /proc/PID/ns, namespaces(7). */
const TYPES: Readonly<Record<PinName, NamespaceType>> = {
  net: 'network',
  mnt: 'mount',
  pid: 'pid',
  ipc: 'ipc',
  uts: 'uts',
  user: 'user',
  cgroup: 'cgroup',
};
/** NSFS_MAGIC of include/uapi/linux/magic.h. */
const NSFS = 0x6e736673;

function entriesOf(pins: PinNamespaces): [PinName, string][] {
  return (Object.entries(pins) as [PinName, string | undefined][]).flatMap(([name, path]) =>
    path === undefined ? [] : [[name, path]],
  );
}

/** Only what the container has for itself, each at a path of its own. Throws `invalid_field`. */
export function checkPins(pins: PinNamespaces, spec: Spec): void {
  const seen = new Set<string>();
  for (const [name, path] of entriesOf(pins)) {
    const field = `pinNamespaces.${name}`;
    const own = spec.linux?.namespaces?.find(({ type }) => type === TYPES[name]);
    if (own?.path !== undefined || own === undefined) {
      throw invalid(field, `the container has no ${TYPES[name]} namespace of its own`);
    }
    if (seen.has(path)) throw invalid(field, `${path} stands twice`);
    seen.add(path);
  }
}

/** Before the intent: those of the last run go, and what somebody else has there is refused by its field. */
export function clearPins(context: Context, container: Container): void {
  const { pins = {}, isPinned } = container.row.network;
  if (isPinned === true) {
    removePins(context, container);
    return;
  }
  for (const [name, path] of entriesOf(pins)) {
    if (isBound(path)) throw invalid(`pinNamespaces.${name}`, `a namespace is bound to ${path} already`);
  }
}

function isBound(path: string): boolean {
  try {
    return statfsSync(path).type === NSFS;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return false;
    throw error;
  }
}

/** Of init, which waits. Throws `invalid_field`. */
export function makePins({ row }: Container, pid: number): void {
  for (const [name, path] of entriesOf(row.network.pins ?? {})) {
    try {
      pin(`/proc/${String(pid)}/ns/${name}`, path);
    } catch (error) {
      if (!(error instanceof PinError)) throw error;
      const field = `pinNamespaces.${name}`;
      throw new EngineError('invalid_field', `${field}: ${error.message}`, { field, cause: error });
    }
  }
}

/** What is left of a failure is told to the log: it is the host's to see to. */
export function removePins(context: Context, { id, row }: Container): void {
  if (row.network.isPinned !== true) return;
  for (const [, path] of entriesOf(row.network.pins ?? {})) {
    try {
      unpin(path);
    } catch (error) {
      context.log.error({ err: error, container: id }, 'a namespace could not be unpinned');
    }
  }
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
