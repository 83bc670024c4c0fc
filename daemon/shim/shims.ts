/**
 * All shims of this daemon. One spare is kept ready, connected and subscribed, at `<run>/spare-PID-N.sock`; opening it
 * for a container is a rename of its socket, so that no process need be started on the way of a start.
 */
import { closeSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sealedCopy } from '../../native-bindings/memfd.ts';
import { signalChild } from '../../native-bindings/pidfd.ts';
import { SUN_PATH_SIZE } from '../../native-bindings/receive-descriptor.ts';
import { READ_BUFFER_SIZE } from './connection.ts';
import { Reaper, type ShimDeath } from './reaper.ts';
import { ConnectedShim, type ShimWatcher } from './shim.ts';
import { spawnShim } from './spawn-shim.ts';
import { ShimLost, type Shim, type ShimPool } from './types.ts';

export interface ShimPoolOptions {
  /** The daemon's run directory; `c` is made in it. */
  readonly run: string;
  /** The shim's binary. A sealed copy of it is what runs. */
  readonly program: string;
  /** The directory of a v1 control group: in it each spare shim makes one ahead, which becomes its container's. */
  readonly groups?: string | undefined;
  /** A shim's process ended; a spare one could not be made, or its group not removed: for the log. */
  readonly died?: (death: ShimDeath) => void;
  readonly spareFailed?: (error: unknown) => void;
}

/** `<run>/c/<id>.sock` would not fit into a socket's address. */
export class SocketPathTooLong extends Error {
  override name = 'SocketPathTooLong';
}

const SIGKILL = 9;
const SUFFIX = '.sock';
const SPARE = 'spare-';
const ID_DIGITS = 64;
const READY_DEADLINE_MS = 10_000;
/** When the next spare is made if the shim that was opened is never started. */
const SPARE_AFTER_MS = 1000;

/** Throws SocketPathTooLong where the run directory's name leaves no room for a shim's socket. */
export function checkSocketPaths(run: string): void {
  const longest = Buffer.byteLength(join(run, 'c', `${'0'.repeat(ID_DIGITS)}${SUFFIX}`));
  if (longest < SUN_PATH_SIZE) return;
  const over = longest - SUN_PATH_SIZE + 1;
  throw new SocketPathTooLong(`run directory ${run}: its name is ${String(over)} bytes too long for a socket in it`);
}

/** Makes the pool and begins to prepare the first spare, without waiting for it. */
export function openShimPool(options: ShimPoolOptions): Shims {
  checkSocketPaths(options.run);
  mkdirSync(join(options.run, 'c'), { recursive: true, mode: 0o700 });
  // spares of a daemon that was killed end by themselves when nobody is connected
  for (const name of readdirSync(options.run)) {
    if (name.startsWith(SPARE) && name.endsWith(SUFFIX)) rmSync(join(options.run, name), { force: true });
  }
  const { groups } = options;
  if (groups !== undefined) {
    for (const name of readdirSync(groups)) if (name.startsWith(SPARE)) removeSpareGroup(join(groups, name), options);
  }
  const shims = new Shims(options, sealedCopy(options.program, 'tare-shim'));
  shims.prepareSpare();
  return shims;
}

export class Shims implements ShimPool, ShimWatcher {
  private readonly options: ShimPoolOptions;
  private readonly program: number;
  private readonly reaper: Reaper;
  /** What all control connections read into. */
  private readonly buffer = Buffer.alloc(READ_BUFFER_SIZE);
  private readonly opening = new Set<Promise<unknown>>();
  private spare: ConnectedShim | undefined;
  private preparing: Promise<void> | undefined;
  private later: NodeJS.Timeout | undefined;
  private spares = 0;
  private closing = false;

  /** `program`: descriptor of the sealed binary; closed by close(). */
  constructor(options: ShimPoolOptions, program: number) {
    this.options = options;
    this.program = program;
    this.reaper = new Reaper((death) => options.died?.(death));
  }

  async open(id: string): Promise<Shim> {
    if (this.closing) throw new ShimLost(`shim ${id} is not opened: the daemon ends`, false);
    const path = this.pathOf(id);
    this.later ??= setTimeout(() => {
      this.later = undefined;
      this.prepareSpare();
    }, SPARE_AFTER_MS).unref();
    const spare = this.spare;
    this.spare = undefined;
    if (spare !== undefined) {
      renameSync(spare.path, path);
      spare.id = id;
      spare.path = path;
      return spare;
    }
    return this.tracked(this.spawn(id, path));
  }

  async adopt(id: string, deadlineMs: number): Promise<Shim | undefined> {
    const shim = new ConnectedShim(this.pathOf(id), id, this, this.buffer);
    try {
      await shim.ready(deadlineMs);
      return shim;
    } catch (error) {
      shim.release();
      if (isNobody(error)) return undefined;
      throw error;
    }
  }

  async listed(): Promise<string[]> {
    const names = await readdir(join(this.options.run, 'c'));
    return names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));
  }

  /** At once: on the run directory's tmpfs it takes less than a turn through the thread pool. */
  discard(id: string): Promise<void> {
    rmSync(this.pathOf(id), { force: true });
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.closing = true;
    clearTimeout(this.later);
    await Promise.allSettled(this.opening);
    await this.preparing;
    const spare = this.spare;
    this.spare = undefined;
    try {
      await spare?.shutdown();
    } catch (error) {
      // ignoring a spare that was lost just now: it is gone, which is what was wanted
      if (!(error instanceof ShimLost)) throw error;
    } finally {
      spare?.release();
      if (spare !== undefined) rmSync(spare.path, { force: true });
      this.reaper.close();
      closeSync(this.program);
    }
  }

  /** Makes the spare shim unless there is one. Its failure is reported, and met again by the open() that then spawns. */
  prepareSpare(): void {
    if (this.closing || this.spare !== undefined || this.preparing !== undefined) return;
    clearTimeout(this.later);
    this.later = undefined;
    this.spares += 1;
    const name = `${SPARE}${String(process.pid)}-${String(this.spares)}`;
    const { groups } = this.options;
    const group = groups === undefined ? undefined : join(groups, name);
    this.preparing = this.spawn(name, join(this.options.run, `${name}${SUFFIX}`), group)
      .then((shim) => {
        shim.onLost(() => {
          this.lostSpare(shim, group);
        });
        this.spare = shim;
      })
      .catch((error: unknown) => this.options.spareFailed?.(error))
      .finally(() => {
        this.preparing = undefined;
      });
  }

  /** Resolves when no spare is being made: then there is one, or its failure was reported. */
  async spareSettled(): Promise<void> {
    await this.preparing;
  }

  /** Of ShimWatcher. */
  startEnded(): void {
    // not on the way of the start that just ended: its answer goes out first
    setImmediate(() => {
      this.prepareSpare();
    });
  }

  /** Of ShimWatcher. */
  gone(shim: ConnectedShim): void {
    if (shim.pid !== 0) this.reaper.expect(shim.pid);
  }

  /** Also where it was opened by now: then it may not have been started. */
  private lostSpare(shim: ConnectedShim, group: string | undefined): void {
    if (group !== undefined) removeSpareGroup(group, this.options);
    if (this.spare !== shim) return;
    this.spare = undefined;
    rmSync(shim.path, { force: true });
  }

  private async spawn(id: string, path: string, group?: string): Promise<ConnectedShim> {
    let child = 0;
    try {
      await spawnShim(this.program, { socket: path, group }, (pid) => {
        child = pid;
      });
      const shim = new ConnectedShim(path, id, this, this.buffer);
      await shim.ready(READY_DEADLINE_MS);
      return shim;
    } catch (error) {
      if (child !== 0) {
        // not reaped yet, so the number is still its own
        signalChild(child, SIGKILL);
        this.reaper.expect(child);
      }
      rmSync(path, { force: true });
      throw error;
    }
  }

  private pathOf(id: string): string {
    return join(this.options.run, 'c', `${id}${SUFFIX}`);
  }

  private async tracked<T>(promise: Promise<T>): Promise<T> {
    this.opening.add(promise);
    try {
      return await promise;
    } finally {
      this.opening.delete(promise);
    }
  }
}

/** Of a spare shim that was killed. One that cannot be removed is in nobody's way, and told of. */
function removeSpareGroup(path: string, { spareFailed }: ShimPoolOptions): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') spareFailed?.(error);
  }
}

/** No socket, or nobody who listens on it. */
function isNobody(error: unknown): boolean {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ECONNREFUSED';
}
