/**
 * Makes an image of a container: what it changed as one more layer on those of its image. Of a container that is of no
 * image the whole root becomes the one layer.
 */
import type { CreateRequest } from '../../shared/api/container.ts';
import type { CommitRequest, StoredImage } from '../../shared/api/image.ts';
import { nowTimestamp } from '../../shared/time.ts';
import type { Digest } from '../images/digest.ts';
import { ImageError } from '../images/errors.ts';
import { type ImageConfig, encodeImageConfig } from '../images/manifest/image-config.ts';
import type { Descriptor } from '../images/manifest/descriptor.ts';
import { DOCUMENT_BYTES_MAX } from '../images/manifest/fields.ts';
import { type ImageManifest, encodeManifest, parseManifest } from '../images/manifest/manifest.ts';
import {
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from '../images/manifest/media-types.ts';
import { canonicalText, parseReference, withDefaultTag } from '../images/reference.ts';
import { committedRun } from './commit/run-config.ts';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { begunWork } from './files/copy.ts';
import type { Job, LayerSource, PackedLayer } from './files/jobs.ts';
import { differingOf, isComparedOnly, rootOf, viewOf } from './files/view-of.ts';
import { changedConfig } from './images/changed-config.ts';
import { imageConfig } from './images/find.ts';
import { imageError } from './images/image-error.ts';
import { storeImage } from './images/store-image.ts';
import type { LeasedWork } from './images/work.ts';
import { documentsOf } from './inspect.ts';
import { specOf } from './launch-plan.ts';
import { pause } from './pause.ts';
import { resume } from './resume.ts';

interface Base {
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
}

interface Commit {
  readonly context: Context;
  readonly container: Container;
  readonly request: CommitRequest;
  /** Canonical. */
  readonly name: string | undefined;
  readonly base: Base | undefined;
  readonly run: ImageConfig['run'];
}

/** Throws EngineError: `invalid_field` for a change, `unsupported`, those of daemon/engine/images/image-error.ts. */
export async function commitContainer(
  context: Context,
  ref: string,
  request: CommitRequest,
  signal: AbortSignal,
): Promise<StoredImage> {
  const container = context.containers.find(ref);
  try {
    return await context.images.work.leased(`commit ${container.id}`, signal, async (work, either) => {
      const base = await baseOf(context, container);
      const asked = JSON.parse(documentsOf(context, container).request) as CreateRequest;
      const run = committedRun(asked, base?.config.run, specOf(context, container));
      const commit = {
        ...{ context, container, request, base, name: nameOf(request.name) },
        run: changedConfig(run, request.changes ?? [], 'changes'),
      };
      return whilePaused(commit, () => store(commit, work, either));
    });
  } catch (error) {
    throw imageError(error);
  }
}

function nameOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const reference = parseReference(text);
  if (reference.digest === undefined) return canonicalText(withDefaultTag(reference));
  throw new ImageError('invalid_reference', `"${text}": a digest follows from the content, it cannot be given`);
}

async function baseOf(context: Context, container: Container): Promise<Base | undefined> {
  const snapshot = context.registry.images.snapshotsOf(container.id).find(({ role }) => role === 'root');
  const row = snapshot === undefined ? undefined : context.registry.images.manifest(snapshot.manifest);
  if (row === undefined) return undefined;
  const bytes = await context.images.store.contents.read(row.digest as Digest, DOCUMENT_BYTES_MAX);
  const manifest = parseManifest(bytes, row.mediaType, `manifest ${row.digest}`);
  if (manifest.kind === 'index') throw new ImageError('store_damaged', `manifest ${row.digest} is an index`);
  return { manifest, config: await imageConfig(context, row) };
}

/** What is written while it is read could be half of something. */
async function whilePaused<T>({ context, container, request }: Commit, work: () => Promise<T>): Promise<T> {
  if (request.pause === false || container.row.status !== 'running') return work();
  await pause(context, container.id);
  const { run } = container;
  try {
    return await work();
  } finally {
    // somebody may have resumed, or ended, it meanwhile
    if (container.run === run && isPaused(container)) await resume(context, container.id).catch(ignoreEnd);
  }
}

function isPaused({ row }: Container): boolean {
  return row.status === 'paused';
}

function ignoreEnd(error: unknown): void {
  const isOver =
    error instanceof EngineError &&
    ['container_not_running', 'container_not_paused', 'container_removing'].includes(error.code);
  if (!isOver) throw error;
}

function sourceOf({ context, container, base }: Commit): LayerSource {
  if (base !== undefined) return { is: 'difference', of: differingOf(context, container, isComparedOnly()) };
  const root = rootOf(context, container);
  const directories = root.kind === 'bind' ? [root.source] : root.lower;
  const { root: own } = context.places;
  const containing = directories.find(
    (directory) => own === directory || own.startsWith(directory === '/' ? '/' : `${directory}/`),
  );
  if (containing === undefined) return { is: 'root', view: viewOf(context, container) };
  throw new EngineError(
    'unsupported',
    `container ${container.name} is of no image, and ${containing} contains the daemon's own root ${own}`,
  );
}

async function store(commit: Commit, work: LeasedWork, signal: AbortSignal): Promise<StoredImage> {
  const { context, container, base, name } = commit;
  const { contents } = context.images.store;
  const what = `the commit of container ${container.name}`;
  const job = (): Job => ({ do: 'layer', from: sourceOf(commit) });
  const packing = await begunWork(context, container, job, signal);
  const blob = await contents.ingestNew(work.lease, packing.pieces(), { what });
  const layer = await packing.done;
  if (layer === undefined) throw new EngineError('internal', 'nothing was told of the layer');
  const stored = await contents.put(work.lease, encodeImageConfig(configOf(commit, layer)), what);
  const isDocker = base?.manifest.mediaType === DOCKER_MANIFEST;
  const added: Descriptor = {
    mediaType: isDocker ? DOCKER_LAYER_GZIP : OCI_LAYER_GZIP,
    digest: blob.digest,
    size: blob.size,
  };
  const manifest = encodeManifest({
    ...{ kind: 'manifest', mediaType: isDocker ? DOCKER_MANIFEST : OCI_MANIFEST },
    config: { mediaType: base?.manifest.config.mediaType ?? OCI_CONFIG, digest: stored.digest, size: stored.size },
    layers: [...(base?.manifest.layers ?? []), ...(layer.isEmpty ? [] : [added])],
  });
  const { image } = await storeImage(
    context,
    work,
    {
      ...{ manifest, what, names: name === undefined ? [] : [{ name }] },
      happenings: ({ id }) => [{ action: 'commit', container: container.row, image: { id } }],
    },
    () => undefined,
    signal,
  );
  return image;
}

function configOf({ context, container, request, base, run }: Commit, layer: PackedLayer): ImageConfig {
  const created = nowTimestamp();
  const author = request.author === undefined ? {} : { author: request.author };
  const history = {
    created,
    createdBy: container.row.command.join(' '),
    ...author,
    ...(request.message === undefined ? {} : { comment: request.message }),
    isEmpty: layer.isEmpty,
  };
  return {
    platform: base?.config.platform ?? context.images.platform,
    created,
    ...author,
    run,
    diffIds: [...(base?.config.diffIds ?? []), ...(layer.isEmpty ? [] : [layer.diffId as Digest])],
    history: [...(base?.config.history ?? []), history],
  };
}
