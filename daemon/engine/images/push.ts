/** Images to a registry: contents side by side, then the manifest, which is the same bytes that came. */
import type { PushRequest, PushResponse } from '../../../shared/api/image.ts';
import type { RegistryAuth, Report } from '../../api/engine.ts';
import type { Digest } from '../../images/digest.ts';
import { ImageError } from '../../images/errors.ts';
import type { Descriptor } from '../../images/manifest/descriptor.ts';
import { DOCUMENT_BYTES_MAX } from '../../images/manifest/fields.ts';
import { parseManifest, type ImageManifest } from '../../images/manifest/manifest.ts';
import { layerType } from '../../images/manifest/media-types.ts';
import {
  canonicalText,
  familiarText,
  parseReference,
  parseRepository,
  repositoryName,
  withDefaultTag,
  type Reference,
  type Repository,
} from '../../images/reference.ts';
import type { RegistryClient } from '../../images/registry/client.ts';
import type { FetchedManifest } from '../../images/registry/manifests.ts';
import type { BlobSource } from '../../images/registry/upload.ts';
import type { ManifestRow } from '../../registry/images.ts';
import type { Registry } from '../../registry/registry.ts';
import { EngineError } from '../errors.ts';
import { openClient } from './client.ts';
import type { MovingContext } from './context.ts';
import { findImage, imageConfig } from './find.ts';
import { imageError } from './image-error.ts';
import { unauthorized } from './refusal.ts';
import { Slots } from './slots.ts';

/** Blobs of one image under way at the same time. */
const UPLOADS_MAX = 4;

type Pushed = PushResponse['pushed'][number];

interface Push {
  readonly context: MovingContext;
  readonly client: RegistryClient;
  readonly report: Report;
}

/** Throws EngineError of daemon/engine/images/image-error.ts, and the signal's reason. */
export async function pushImage(
  context: MovingContext,
  ref: string,
  request: PushRequest,
  auth: RegistryAuth,
  report: Report,
  signal: AbortSignal,
): Promise<PushResponse> {
  try {
    await context.images.work.ready();
    const sent = request.allTags === true ? everyTag(context, ref, request) : [single(context, ref, request)];
    const [first] = sent;
    if (first === undefined) throw new EngineError('image_not_found', `no image is called ${ref}, with whatever tag`);
    const push = { context, client: await openClient(context, first.to.registry, auth), report };
    const pushed: Pushed[] = [];
    for (const { row, to } of sent) {
      const done = pushOne(push, row, to, signal).catch((error: unknown) => {
        throw unauthorized(error, familiarText(to), to.registry, auth !== undefined);
      });
      pushed.push(await done);
    }
    return { pushed };
  } catch (error) {
    throw imageError(error);
  }
}

interface Sending {
  readonly row: ManifestRow;
  /** With a tag, or a digest. */
  readonly to: Reference;
}

function single(context: MovingContext, ref: string, { destination }: PushRequest): Sending {
  const { manifest, name } = findImage(context, ref);
  const to = destination ?? name;
  if (to === undefined) {
    throw new EngineError('invalid_reference', `image "${ref}" is given by its id: say where it is to go`, {
      field: 'destination',
    });
  }
  return { row: manifest, to: withDefaultTag(parseReference(to)) };
}

/** Every tag that the repository has here. */
function everyTag(context: MovingContext, ref: string, { destination }: PushRequest): Sending[] {
  const repository = parseRepository(ref);
  const to: Repository = destination === undefined ? repository : parseRepository(destination);
  const beginning = `${repositoryName(repository)}:`;
  const { images } = context.registry;
  return images.all().flatMap(({ name, manifest }) => {
    const { tag } = name.startsWith(beginning) ? parseReference(name) : {};
    const row = tag === undefined ? undefined : images.manifest(manifest);
    return row === undefined || tag === undefined ? [] : [{ row, to: { ...to, tag } }];
  });
}

async function pushOne(push: Push, row: ManifestRow, to: Reference, signal: AbortSignal): Promise<Pushed> {
  const { context, client, report } = push;
  const what = familiarText(to);
  return context.images.work.leased(`push ${what}`, signal, async ({ lease }, either) => {
    const contents = [row.config, ...row.layers.map(({ blob }) => blob)] as Digest[];
    lease.hold(row.digest as Digest, ...contents);
    const fetched = await readManifest(context, row);
    const manifest = parseManifest(fetched.bytes, fetched.descriptor.mediaType, what);
    if (manifest.kind === 'index') throw new ImageError('store_damaged', `${what}: its manifest is an index`);
    const target = to.digest ?? to.tag ?? '';
    if (to.digest !== undefined && to.digest !== fetched.descriptor.digest) {
      throw new ImageError('digest_mismatch', `${what}: the image here has the manifest ${fetched.descriptor.digest}`);
    }
    report({ status: 'resolved', image: what, detail: fetched.descriptor.digest });
    await pushBlobs(push, manifest, to, what, either);
    await client.pushManifest(to, target, fetched, { signal: either });
    const { run } = await imageConfig(context, row);
    const share = (registry: Registry): void => {
      registry.images.share(canonicalText(to), row.digest, fetched.descriptor.digest);
    };
    context.journal.commit(share, {
      action: 'image_push',
      image: { id: row.config, name: what, labels: run.labels ?? {} },
    });
    const { digest, size } = fetched.descriptor;
    return { name: what, digest, size };
  });
}

async function readManifest({ images }: MovingContext, row: ManifestRow): Promise<FetchedManifest> {
  const digest = row.digest as Digest;
  const bytes = await images.store.contents.read(digest, DOCUMENT_BYTES_MAX);
  return { bytes, descriptor: { mediaType: row.mediaType, digest, size: bytes.length } };
}

/** The first failure ends the others. */
async function pushBlobs(
  push: Push,
  manifest: ImageManifest,
  to: Repository,
  what: string,
  signal: AbortSignal,
): Promise<void> {
  const slots = new Slots(UPLOADS_MAX);
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  const sent = manifest.layers.filter(({ mediaType }) => !layerType(mediaType, what).isNondistributable);
  const unique = new Map([manifest.config, ...sent].map((descriptor) => [descriptor.digest, descriptor]));
  const sending = [...unique.values()].map((descriptor) =>
    slots
      .run(either, () => pushBlob(push, descriptor, to, what, descriptor !== manifest.config, either))
      .catch((error: unknown) => {
        failing.abort(error);
      }),
  );
  await Promise.all(sending);
  signal.throwIfAborted();
  if (failing.signal.aborted) throw failing.signal.reason;
}

async function pushBlob(
  { context, client, report }: Push,
  descriptor: Descriptor,
  to: Repository,
  image: string,
  isLayer: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { digest, size } = descriptor;
  const { contents } = context.images.store;
  const tell = (status: 'waiting' | 'exists' | 'mounted' | 'uploading' | 'done', current?: number): void => {
    if (isLayer) report({ status, image, layer: digest, ...(current === undefined ? {} : { current, total: size }) });
  };
  tell('waiting');
  const source: BlobSource = {
    async *open(from) {
      yield* (await contents.open(digest, from)) as AsyncIterable<Uint8Array>;
    },
  };
  const outcome = await client.pushBlob(to, descriptor, source, {
    signal,
    mountFrom: repositoriesWith(context, digest, to),
    onProgress: (position) => {
      tell('uploading', position);
    },
  });
  tell(outcome === 'uploaded' ? 'done' : outcome);
}

/** Paths of the registry's repositories from which, or to which, the blob came by what is known here. */
function repositoriesWith({ registry }: MovingContext, digest: Digest, { registry: host, path }: Repository): string[] {
  const names = registry.imageContent.namesOf(digest).map(parseReference);
  const paths = names.filter((name) => name.registry === host && name.path !== path).map((name) => name.path);
  return [...new Set(paths)];
}
