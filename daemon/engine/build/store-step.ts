/** What a step made, as an image without a name that the next build finds again. */
import { nowTimestamp } from '../../../shared/time.ts';
import type { Digest } from '../../images/digest.ts';
import type { Descriptor } from '../../images/manifest/descriptor.ts';
import { encodeImageConfig, type ImageConfig } from '../../images/manifest/image-config.ts';
import { encodeManifest } from '../../images/manifest/manifest.ts';
import { DOCKER_LAYER_GZIP, DOCKER_MANIFEST, OCI_LAYER_GZIP, OCI_MANIFEST } from '../../images/manifest/media-types.ts';
import { EngineError } from '../errors.ts';
import type { Working } from '../files/thread.ts';
import { storeImage } from '../images/store-image.ts';
import { type BuiltImage, readImage } from './image.ts';
import type { Session } from './session.ts';
import type { Stage } from './stage.ts';

export interface StepResult {
  readonly key: string;
  /** For its history. */
  readonly createdBy: string;
  /** Packs its layer; absent: it changed nothing but the configuration. */
  readonly layer?: Pick<Working, 'pieces' | 'done'>;
}

interface Added {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** The stage goes on with it. Throws as storeImage(). */
export async function storeStep(session: Session, stage: Stage, result: StepResult): Promise<BuiltImage> {
  const { context, work, signal } = session;
  const { image: base } = stage;
  const what = 'a step of the build';
  const added = result.layer === undefined ? undefined : await storeLayer(session, base, result.layer);
  const { contents } = context.images.store;
  const config = await contents.put(work.lease, encodeImageConfig(configOf(stage, result, added)), what);
  const manifest = encodeManifest({
    ...{ kind: 'manifest', mediaType: base.mediaTypes.manifest === DOCKER_MANIFEST ? DOCKER_MANIFEST : OCI_MANIFEST },
    config: { mediaType: base.mediaTypes.config, digest: config.digest, size: config.size },
    layers: [...base.layers, ...(added === undefined ? [] : [added.descriptor])],
  });
  await storeImage(context, work, { manifest, what, names: [] }, () => undefined, signal);
  const row = context.registry.images.manifest(manifest.digest);
  if (row === undefined) throw new EngineError('internal', `${what} is gone`);
  context.journal.commit(({ buildSteps }) => {
    const parent = base.row?.digest ?? null;
    buildSteps.record({ key: result.key, parent, manifest: manifest.digest, createdAt: nowTimestamp() });
  });
  return readImage(session, row);
}

async function storeLayer(
  { context, work }: Session,
  { mediaTypes }: BuiltImage,
  layer: Pick<Working, 'pieces' | 'done'>,
): Promise<Added | undefined> {
  const blob = await context.images.store.contents.ingestNew(work.lease, layer.pieces(), { what: 'a layer' });
  const packed = await layer.done;
  if (packed === undefined) throw new EngineError('internal', 'nothing was told of the layer');
  if (packed.isEmpty) return undefined;
  const mediaType = mediaTypes.manifest === DOCKER_MANIFEST ? DOCKER_LAYER_GZIP : OCI_LAYER_GZIP;
  return { descriptor: { mediaType, digest: blob.digest, size: blob.size }, diffId: packed.diffId as Digest };
}

function configOf({ image, run, author }: Stage, { createdBy }: StepResult, added: Added | undefined): ImageConfig {
  const created = nowTimestamp();
  const { platform, diffIds, history } = image.config;
  const by = author === undefined ? {} : { author };
  return {
    ...{ platform, created, ...by, run },
    diffIds: [...diffIds, ...(added === undefined ? [] : [added.diffId])],
    history: [...history, { created, createdBy, ...by, isEmpty: added === undefined }],
  };
}
