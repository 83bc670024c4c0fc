/**
 * What tare-oci remembers of a container: `<root>/<id>/` with
 *
 *     state.json     the record, written as a temporary file and renamed
 *     config.json    the spec as of create, validated
 *     plan           the launch plan that was run, encoded: to say what failed when a start fails
 *     start, result  named pipes: there while the container waits to be started (start-pipes.ts)
 *
 * The directory is made first and removed last. It is the lock on the id: who makes it owns the id.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson, stringifyJson } from '../../daemon/runtime/spec/json.ts';
import type { Spec } from '../../daemon/runtime/spec/types.ts';
import { OciError, codeOf } from '../errors.ts';
import type { HostMount } from './host-mounts.ts';

export const RECORD_VERSION = 1;

/** A process by number and by when it started: field 22 of /proc/PID/stat, decimal, in clock ticks since boot. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

export interface ContainerRecord extends ProcessIdentity {
  readonly version: typeof RECORD_VERSION;
  readonly id: string;
  readonly ociVersion: string;
  /** Absolute. */
  readonly bundle: string;
  /** Absolute. */
  readonly rootfs: string;
  /** Init's; 0 while there is none yet. With `startTime` the only thing by which init is known. */
  readonly pid: number;
  /** "0" with pid 0. */
  readonly startTime: string;
  /** RFC 3339, UTC, nanoseconds. */
  readonly created: string;
  /** Name of the user that called create; "" where it has none. */
  readonly owner: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Absolute in every hierarchy. */
  readonly cgroupPath: string;
  /** Groups that were made above it (PreparedGroups.parents); absent while its own are not made, and so not ours to empty. */
  readonly cgroupParents?: readonly string[];
  /** Directories of resctrl that are this container's alone. */
  readonly resctrlGroups?: readonly string[];
  /** Of a container without a mount namespace: what was mounted below its root before it, and, once that is done, by it. */
  readonly mountsBefore?: readonly HostMount[];
  readonly mounts?: readonly HostMount[];
  /** Init has a PTY. */
  readonly terminal: boolean;
  /** Init has a session keyring of its own. */
  readonly keyring: boolean;
  /** The tare-oci that is creating it, and its shim once there is one; absent once `create` is done. */
  readonly creator?: ProcessIdentity;
  readonly shim?: ProcessIdentity;
}

/** A container and where it lies. */
export interface StateDirectory {
  readonly id: string;
  /** `<root>/<id>` */
  readonly path: string;
}

/** How the socket of a foreground's terminal begins; the number of its process follows. No id has a comma. */
export const CONSOLE_PREFIX = ',,console.';

const ID = /^[A-Za-z0-9_+.-]{1,1024}$/;

/** Throws OciError for what no container may be called. */
export function checkId(id: string): void {
  if (ID.test(id) && id !== '.' && id !== '..') return;
  throw new OciError(`container id ${JSON.stringify(id)}: must be 1 to 1024 letters, digits, "_", "+", "." or "-"`);
}

export function stateDirectory(root: string, id: string): StateDirectory {
  checkId(id);
  return { id, path: join(root, id) };
}

/** Takes the id: makes `<root>/<id>`, for root's eyes only. Throws OciError where it is taken. */
export function createDirectory(root: string, id: string): StateDirectory {
  const directory = stateDirectory(root, id);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  try {
    mkdirSync(directory.path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    throw new OciError(`container ${id} already exists`, { cause: error });
  }
  return directory;
}

/**
 * Renamed first, so that a half removed container is none at all; what a crash leaves of it is removed by the next
 * call. A directory that is not there is fine.
 */
export function removeDirectory(root: string, id: string): void {
  const { path } = stateDirectory(root, id);
  // "," is in no id
  const doomed = join(root, `,${id.slice(0, 200)}.${String(process.pid)}`);
  try {
    renameSync(path, doomed);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  for (const name of readdirSync(root)) {
    if (
      name.startsWith(',') &&
      !(name.startsWith(CONSOLE_PREFIX) && existsSync(`/proc/${name.slice(CONSOLE_PREFIX.length)}`))
    )
      rmSync(join(root, name), { recursive: true, force: true });
  }
}

export function writeRecord(directory: StateDirectory, record: ContainerRecord): void {
  const temporary = join(directory.path, `.state.json.${String(process.pid)}`);
  writeFileSync(temporary, stringifyJson(record), { mode: 0o600 });
  renameSync(temporary, join(directory.path, 'state.json'));
}

/** Undefined: the id is taken, but nothing was recorded (yet). Throws OciError where there is no such container. */
export function readRecordIfAny(root: string, id: string): ContainerRecord | undefined {
  const { path } = stateDirectory(root, id);
  let text: string;
  try {
    text = readFileSync(join(path, 'state.json'), 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    if (isDirectory(path)) return undefined;
    throw new OciError(`container ${id} does not exist`, { cause: error, missing: true });
  }
  const record = parseJson(text, `${path}/state.json`) as ContainerRecord;
  const { version } = record as { version?: unknown };
  if (version === RECORD_VERSION) return record;
  throw new OciError(
    `container ${id}: its state is of version ${String(version)}, this tare-oci knows ${String(RECORD_VERSION)}`,
  );
}

/** Throws OciError where there is no such container, or only the beginning of one. */
export function readRecord(root: string, id: string): ContainerRecord {
  const record = readRecordIfAny(root, id);
  if (record !== undefined) return record;
  throw new OciError(`container ${id} is being created, or its creation was cut off: nothing is recorded yet`);
}

/** Of every container below `root` that has a record, by id. */
export function listRecords(root: string): ContainerRecord[] {
  const records: ContainerRecord[] = [];
  for (const id of namesIn(root)) {
    if (!ID.test(id)) continue;
    try {
      const record = readRecordIfAny(root, id);
      if (record !== undefined) records.push(record);
    } catch (error) {
      // Removed since the directory was read.
      if (!(error instanceof OciError && error.missing)) throw error;
    }
  }
  return records;
}

function namesIn(root: string): string[] {
  try {
    return readdirSync(root).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function isDirectory(path: string): boolean {
  try {
    readdirSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

export function writeSpec(directory: StateDirectory, spec: Spec): void {
  writeFileSync(join(directory.path, 'config.json'), stringifyJson(spec), { mode: 0o600 });
}

/** The spec that the container was created from; it was validated then. */
export function specOf(root: string, record: ContainerRecord): Spec {
  const path = join(stateDirectory(root, record.id).path, 'config.json');
  return parseJson(readFileSync(path, 'utf8'), path) as Spec;
}

export function writePlan(directory: StateDirectory, plan: Uint8Array): void {
  writeFileSync(join(directory.path, 'plan'), plan, { mode: 0o600 });
}

export function readPlan(directory: StateDirectory): Uint8Array {
  return readFileSync(join(directory.path, 'plan'));
}
