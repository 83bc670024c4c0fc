/**
 * Work on images that takes its time: pulls, pushes, loads, saves, commits. None begins before the store has recovered,
 * none goes on when the daemon ends, and the daemon waits for all of them: each has a lease to end.
 */
import { ImageError } from '../../images/errors.ts';
import type { ImageStore } from '../../images/store/image-store.ts';
import type { Lease } from '../../images/store/lease.ts';
import type { Log } from '../context.ts';
import { EngineError } from '../errors.ts';

/** Failures after which the same may well succeed later, and what came is worth keeping. */
const WEATHER: ReadonlySet<string> = new Set(['registry_unreachable', 'registry_failed', 'rate_limited']);
/** Less than this is not kept of a pull that its registry broke off: it is fetched again as fast as it is looked for. */
export const WORTH_KEEPING = 1024 * 1024;

/** What went on under a lease, for its end. */
export class LeasedWork {
  readonly lease: Lease;
  /** Bytes of contents that came from elsewhere, in this attempt and those before. */
  bytes = 0;

  constructor(lease: Lease) {
    this.lease = lease;
  }
}

export class ImageWork {
  private readonly store: ImageStore;
  private readonly log: Log;
  private readonly closing = new AbortController();
  private readonly running = new Set<Promise<unknown>>();
  private readonly recovery = Promise.withResolvers<undefined>();

  constructor(store: ImageStore, log: Log) {
    this.store = store;
    this.log = log;
    // whoever waits for it is told; the daemon itself ends with the failure of recover()
    this.recovery.promise.catch(() => undefined);
  }

  /** Once, when the daemon starts. Throws errors of fs and of the registry; then nothing is ever ready. */
  async recover(): Promise<void> {
    try {
      await this.store.recover();
      this.recovery.resolve(undefined);
    } catch (error) {
      this.recovery.reject(error);
      throw error;
    }
  }

  /** Resolves when the store says of its contents what is true. */
  async ready(): Promise<void> {
    await this.recovery.promise;
  }

  /** `work` is to end soon after its signal is aborted: the caller's, or the daemon's end. Throws what it throws. */
  async run<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const either = AbortSignal.any([this.closing.signal, ...(signal === undefined ? [] : [signal])]);
    const done = this.begin(either, work);
    this.running.add(done);
    try {
      return await done;
    } finally {
      this.running.delete(done);
    }
  }

  /**
   * The same under a lease of its own. Where it fails for good, nothing of what it brought is kept; where it was
   * interrupted, or the network failed, what came waits for the next attempt at the same `purpose`.
   */
  async leased<T>(
    purpose: string,
    signal: AbortSignal | undefined,
    work: (lease: LeasedWork, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.run(signal, async (either) => {
      const leased = new LeasedWork(this.store.lease(purpose));
      try {
        const result = await work(leased, either);
        leased.lease.release();
        return result;
      } catch (error) {
        await this.end(leased, either.aborted || isWeather(error, leased.bytes));
        throw error;
      }
    });
  }

  /** Resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.closing.abort(new EngineError('shutting_down', 'the daemon is going down'));
    while (this.running.size > 0) await Promise.allSettled(this.running);
  }

  private async begin<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    await this.ready();
    signal.throwIfAborted();
    return work(signal);
  }

  private async end({ lease }: LeasedWork, isToBeKept: boolean): Promise<void> {
    try {
      if (isToBeKept) lease.keep();
      else {
        lease.release();
        await this.store.collect();
      }
    } catch (error) {
      this.log.error({ err: error, purpose: lease.purpose }, 'what failed work on an image left was not taken away');
    }
  }
}

function isWeather(error: unknown, bytes: number): boolean {
  return error instanceof ImageError && WEATHER.has(error.code) && bytes >= WORTH_KEEPING;
}
