/** A place where archives may try what they can: beside the layer lies a canary, and nothing else may change. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageError, type ImageErrorCode } from '../../daemon/images/errors.ts';
import type { LayerJob, UnpackedLayer } from '../../daemon/images/unpack/job.ts';
import { removeTree, unpackHere } from '../../daemon/images/unpack/unpack-here.ts';
import { setXattr } from '../../native-bindings/xattr.ts';
import { type Tree, treeOf } from './tree.ts';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

export class UnpackRoom {
  readonly path = mkdtempSync(join(tmpdir(), 'tare-unpack-'));
  readonly canary = join(this.path, 'canary');
  readonly layer = join(this.path, 'layer');
  private readonly before: Tree;
  private readonly descriptors = openDescriptors();

  constructor() {
    for (const name of ['', 'directory', 'directory/empty']) mkdirSync(join(this.canary, name));
    for (const name of ['file', 'directory/file', 'victim']) writeFileSync(join(this.canary, name), `the ${name}\n`);
    chmodSync(join(this.canary, 'victim'), 0o4711);
    linkSync(join(this.canary, 'file'), join(this.canary, 'second-name'));
    symlinkSync('directory', join(this.canary, 'link'));
    const fd = openSync(join(this.canary, 'file'), 'r');
    setXattr(fd, 'user.canary', Buffer.from('sings'));
    closeSync(fd);
    this.before = treeOf(this.canary);
  }

  /** Unpacks in pieces of `piece` bytes; the canary is looked at afterwards, whatever happens. */
  async unpack(archive: Buffer, job: Partial<LayerJob> = {}, piece = 4096): Promise<UnpackedLayer> {
    mkdirSync(this.layer);
    const pieces = async function* (): AsyncGenerator<Buffer> {
      for (let at = 0; at < archive.length; at += piece) yield await Promise.resolve(archive.subarray(at, at + piece));
    };
    const surroundings = { signal: new AbortController().signal, progress: () => undefined };
    try {
      return await unpackHere({ compression: 'none', directory: this.layer, ...job }, pieces(), surroundings);
    } finally {
      this.assertUntouched();
    }
  }

  /** The layer's tree; the layer is gone afterwards. Times are left out. */
  async tree(archive: Buffer, job: Partial<LayerJob> = {}): Promise<Tree> {
    await this.unpack(archive, job);
    const tree = treeOf(this.layer, { times: false });
    removeTree(this.layer);
    return tree;
  }

  /** It is refused with this code and words, and nothing of it is left. */
  async refuses(archive: Buffer, words: RegExp, code: ImageErrorCode = 'layer_invalid', job: Partial<LayerJob> = {}) {
    await assert.rejects(this.unpack(archive, job), (error) => {
      assert.ok(error instanceof ImageError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, words);
      return true;
    });
    assert.ok(!existsSync(this.layer), 'the layer is not there');
  }

  /** Neither the canary nor what lies beside it has changed. */
  assertUntouched(): void {
    assert.deepEqual(treeOf(this.canary), this.before);
    // A name of it somewhere else would be another way to it.
    assert.equal(lstatSync(join(this.canary, 'victim')).nlink, 1);
    assert.deepEqual(
      readdirSync(this.path).filter((name) => name !== 'layer'),
      ['canary'],
    );
  }

  /** Every descriptor was given back, whatever happened. */
  [Symbol.dispose](): void {
    removeTree(this.path);
    assert.equal(openDescriptors(), this.descriptors);
  }
}
