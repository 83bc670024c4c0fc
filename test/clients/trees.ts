/** File trees of images as their engines unpacked them, to be compared entry by entry. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chainIds } from '../../daemon/images/manifest/chain-ids.ts';
import type { Digest } from '../../daemon/images/digest.ts';
import type { TestDaemon } from '../harness/daemon.ts';
import type { Tree } from '../harness/tree.ts';
import type { Room } from './room.ts';

const TREE = join(import.meta.dirname, '../harness/tree.ts');
const PRINT = `import { treeOf } from ${JSON.stringify(TREE)}; process.stdout.write(JSON.stringify(treeOf(process.argv[1])));`;
/** Mounts in a namespace of its own, which takes the mount with it. */
const MOUNT = 'at=$1 lower=$2; shift 2; mount -t overlay -o ro,lowerdir="$lower" overlay "$at" && exec "$@" "$at"';
const NODE = [process.execPath, '--no-warnings', '--input-type=module', '-e', PRINT] as const;

/** The tree of a directory of the room. */
export async function treeIn(room: Room, directory: string): Promise<Tree> {
  return printed(await room.run(...NODE, directory));
}

/** The tree of layers over one another, the topmost first. One alone overlayfs does not take. */
async function overlayIn(room: Room, layers: readonly string[]): Promise<Tree> {
  const [top, below] = layers;
  if (top !== undefined && below === undefined) return treeIn(room, top);
  return printed(await room.run('unshare', '--mount', 'sh', '-c', MOUNT, 'mount', '/mnt', layers.join(':'), ...NODE));
}

function printed({ code, stdout, stderr }: { code: number | null; stdout: string; stderr: string }): Tree {
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Tree;
}

/** Of an image in dockerd's store of kind overlay2. `data`: its GraphDriver.Data as JSON. */
export function dockerTree(room: Room, data: string): Promise<Tree> {
  const { UpperDir, LowerDir = '' } = JSON.parse(data) as { UpperDir: string; LowerDir?: string };
  return overlayIn(room, [UpperDir, ...LowerDir.split(':').filter((path) => path !== '')]);
}

/** Of an image in tare's store, which the room sees. */
export async function tareTree(room: Room, daemon: TestDaemon, image: string): Promise<Tree> {
  const detail = await daemon.client.must<{ layers: { diffId: Digest }[] }>(
    'GET',
    `/v1/images/${encodeURIComponent(image)}`,
  );
  const diffIds = detail.layers.map(({ diffId }) => diffId);
  const chain = chainIds(diffIds);
  const layers = diffIds.map((diffId, index) => {
    const places = [diffId, chain[index] ?? diffId].map((id) => join(daemon.root, 'images/layers', id.slice(7), 'fs'));
    return places.find((path) => existsSync(path)) ?? assert.fail(`${diffId} is not unpacked`);
  });
  return overlayIn(room, layers.reverse());
}

/**
 * Throws unless a peer unpacked the same, entry by entry, but for what docker and podman pass over and tare does not:
 * what a layer says of the root directory itself, and the times of directories that layers have things in and say
 * nothing of (`undescribed`), which with them are those of the unpacking.
 */
export function assertPeers(found: Tree, expected: Tree, undescribed: readonly string[] = []): void {
  const untold = (tree: Tree): Tree => {
    const { '': root, ...entries }: Record<string, string> = tree;
    assert.ok(root !== undefined);
    for (const path of undescribed) {
      entries[path] = entries[path]?.replace(/ [0-9]{19} /, ' ') ?? assert.fail(`there is no ${path}`);
    }
    return entries;
  };
  assert.deepEqual(untold(found), untold(expected));
}
