/**
 * What a crash of the machine may take. Blobs and layers are not fsynced one by one, which would cost a pull more than
 * the network does: their rows say in which boot they were written, and one syncfs(2) for all of them, in the background,
 * takes that back. After a boot in which it did not come to that, blobs are hashed again, and layers, of which nobody
 * knows what they were, are unpacked again from theirs.
 */
import { open } from 'node:fs/promises';
import { syncFileSystemOnThread } from '../../../native-bindings/syncfs.ts';
import type { Unsynced } from './records.ts';
import type { StoreParts } from './store-parts.ts';
import { verifyFile } from './verify-file.ts';

export class Durability {
  private readonly parts: StoreParts;
  private running: Promise<void> | undefined;
  private isWanted = false;

  constructor(parts: StoreParts) {
    this.parts = parts;
  }

  /** Resolves when all that has a row by now is on the disk, or the kernel said that it cannot be. */
  async settle(): Promise<void> {
    this.isWanted = true;
    this.running ??= this.settleAll().finally(() => {
      this.running = undefined;
    });
    await this.running;
  }

  /** At the start of the daemon, before anything is used: what an earlier boot left unsynced is looked at. */
  async distrust(): Promise<void> {
    const { places, records, trash, contents, layers, stamps } = this.parts;
    const isOfBefore = ({ stamp }: Unsynced): boolean => !stamps.isOfThisBoot(stamp);
    for (const { digest } of records.unsyncedBlobs().filter(isOfBefore)) {
      await contents.turns.run(digest, async () => {
        const row = records.blob(digest);
        if (row === undefined) return;
        if ((await verifyFile(places.blob(digest), digest, row.size)) === 'sound') {
          records.recordBlob(digest, row.size, stamps.next());
          return;
        }
        records.forgetBlob(digest);
        await trash.discard(places.blob(digest));
      });
    }
    for (const { digest: id } of records.unsyncedLayers().filter(isOfBefore)) {
      await layers.turns.run(id, async () => {
        records.forgetLayer(id);
        await trash.discard(places.layer(id));
      });
    }
  }

  private async settleAll(): Promise<void> {
    while (this.isWanted) {
      this.isWanted = false;
      await this.settleOnce();
    }
  }

  private async settleOnce(): Promise<void> {
    const { places, records } = this.parts;
    const blobs = records.unsyncedBlobs();
    const layers = records.unsyncedLayers();
    if (blobs.length + layers.length === 0) return;
    const directory = await open(places.root);
    try {
      // what the kernel could not write is distrusted by the next boot
      if (await syncFileSystemOnThread(directory.fd)) records.synced(blobs, layers);
    } finally {
      await directory.close();
    }
  }
}
