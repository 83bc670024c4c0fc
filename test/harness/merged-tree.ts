/** What overlayfs makes of layers, seen in a mount namespace that is gone afterwards. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Tree } from './tree.ts';

const TREE = join(import.meta.dirname, 'tree.ts');

/** `layers`: directories, the lowest first. */
export function mergedTree(layers: readonly string[]): Tree {
  const lower = layers.toReversed().join(':');
  const program = `import(${JSON.stringify(TREE)}).then(({ treeOf }) => console.log(JSON.stringify(treeOf('/mnt'))))`;
  const script = 'mount -t overlay -o "ro,lowerdir=$1" overlay /mnt && exec "$2" --input-type=module -e "$3"';
  const args = ['-m', 'sh', '-c', script, 'sh', lower, process.execPath, program];
  return JSON.parse(execFileSync('unshare', args, { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 })) as Tree;
}
