/** What a container changed: as a list, and as a layer of an image. */
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import type { Change } from '../../../shared/api/files.ts';
import { O_PATH } from '../../../native-bindings/directory-entries.ts';
import { enterOwnMounts } from '../../../native-bindings/mount-namespace.ts';
import { type Difference, Differences, checkLayerName } from '../../images/pack/differences.ts';
import { LARGE_HOLES } from '../../images/pack/entry-packer.ts';
import { packLayer } from '../../images/pack/pack-layer.ts';
import { packTree } from '../../images/pack/pack-tree.ts';
import type { Differing, Job } from './jobs.ts';
import { overlayToRead } from './mount-view.ts';
import { textOf } from './path.ts';
import { openView } from './view.ts';

const DIRECTORY = O_PATH | constants.O_DIRECTORY;
/** Of the text of a list, before it is handed on. */
const TEXT = 64 * 1024;

function* differencesOf({ source, userxattr, lower, mountPoint, mountPoints }: Differing): Generator<Difference, void> {
  // it was never started
  if (source.is === 'upper' && !existsSync(source.directory)) return;
  // the view of a container that runs is opened before: in there its processes' numbers are the same
  const view = source.is === 'tree' ? openView(source.view, 'root') : undefined;
  try {
    const leave = enterOwnMounts();
    const opened: number[] = [];
    try {
      const below =
        lower.length === 1 ? openSync(lower[0] ?? '/', DIRECTORY) : overlayToRead(lower, userxattr, mountPoint);
      opened.push(below);
      const tree = view?.root ?? openSync(source.is === 'upper' ? source.directory : '/', DIRECTORY);
      if (view === undefined) opened.push(tree);
      const differences = new Differences({
        isUpper: source.is === 'upper',
        userxattr,
        mountPoints: new Set(mountPoints.map((path) => Buffer.from(path.replace(/^\/+|\/+$/g, '')).toString('latin1'))),
      });
      yield* differences.of(tree, below);
    } finally {
      for (const fd of opened) closeSync(fd);
      leave();
    }
  } finally {
    view?.close();
  }
}

/** Yields a JSON array of Change, without the root itself. */
export function* changesJob({ of }: Job & { do: 'changes' }, begun: () => void): Generator<Buffer> {
  let text = '[';
  let isFirst = true;
  const differences = differencesOf(of);
  // what cannot be begun at all is an answer by itself, not one that breaks off
  const first = differences.next();
  begun();
  for (const { kind, path } of from(first, differences)) {
    if (path === '') continue;
    const change: Change = { path: `/${textOf(path)}`, kind };
    text += (isFirst ? '' : ',') + JSON.stringify(change);
    isFirst = false;
    if (text.length < TEXT) continue;
    yield bytesOfText(text);
    text = '';
  }
  yield bytesOfText(`${text}]`);
}

/** Outside of Node's pool of small buffers, so that they can go to another thread as they are. */
function bytesOfText(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

function* from(first: IteratorResult<Difference, void>, rest: Generator<Difference, void>): Generator<Difference> {
  try {
    if (first.done !== true) yield first.value;
    yield* rest;
  } finally {
    rest.return();
  }
}

/** Yields the layer, uncompressed. */
export function* layerJob({ from }: Job & { do: 'layer' }): Generator<Buffer, { readonly isEmpty: boolean }> {
  if (from.is === 'difference') return yield* packLayer(differencesOf(from.of), from.of.ids);
  const view = openView(from.view, 'root');
  try {
    yield* packTree(view.root, '.', { ids: from.view.ids, sparseFrom: LARGE_HOLES, check: checkLayerName });
    return { isEmpty: false };
  } finally {
    view.close();
  }
}
