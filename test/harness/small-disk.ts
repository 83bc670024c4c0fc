/** A daemon whose directories lie on a small file system of their own, which is there for the daemon alone and goes with it. */
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon, type DaemonSettings } from './daemon.ts';
import { until } from './until.ts';

/**
 * "$3": the daemon's root, as TestDaemon gives it. The file system is beside it, and a directory of it is the root: what fills
 * the disk is nothing of the daemon's. In a mount namespace that all of the daemon's processes share.
 */
const ON_SMALL_DISK = `
mkdir -p "$3" "$3.disk" && mount -t tmpfs -o "size=$SIZE,mode=700" small "$3.disk" &&
mkdir -m 700 "$3.disk/root" && mount --bind "$3.disk/root" "$3" && exec "$@"`;

export class SmallDisk {
  readonly daemon: TestDaemon;
  /** As the test can see it. */
  private readonly top: string;

  private constructor(daemon: TestDaemon) {
    this.daemon = daemon;
    this.top = `/proc/${daemon.pid}/root${daemon.root}.disk`;
  }

  static async open(mib: number, settings: DaemonSettings = {}): Promise<SmallDisk> {
    const script = ON_SMALL_DISK.replace('$SIZE', `${mib}m`);
    const under = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'];
    return new SmallDisk(await TestDaemon.open({ ...settings, under }));
  }

  /** Bytes. */
  free(): number {
    const { bavail, bsize } = statfsSync(this.top);
    return bavail * bsize;
  }

  /** Somebody else takes all but so many bytes. */
  leave(bytes: number): void {
    rmSync(join(this.top, 'filler'), { force: true });
    writeFileSync(join(this.top, 'filler'), Buffer.alloc(Math.max(0, this.free() - bytes)));
  }

  /** What leave() took is given back. */
  relieve(): void {
    rmSync(join(this.top, 'filler'), { force: true });
  }

  /** Waits until as much is free as there was: what is deleted in the background is some time on its way. */
  async givenBack(before: number, what: string, slack = 512 * 1024): Promise<void> {
    await until(`${what}: the space is given back`, () => this.free() >= before - slack);
  }

  close(): Promise<void> {
    return this.daemon.close();
  }
}
