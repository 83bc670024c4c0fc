/** A root file system, as a tar archive, into an image of one layer. */
import type { Readable } from 'node:stream';
import type { ImportQuery, StoredImage } from '../../../shared/api/image.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import type { Report } from '../../api/engine.ts';
import { ImageError, shown } from '../../images/errors.ts';
import { encodeImageConfig, type RunConfig } from '../../images/manifest/image-config.ts';
import { encodeManifest } from '../../images/manifest/manifest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../../images/manifest/media-types.ts';
import { parsePlatform } from '../../images/manifest/platform.ts';
import { canonicalText, parseReference, withDefaultTag } from '../../images/reference.ts';
import { decompressed } from '../../images/unpack/decompress.ts';
import type { Context } from '../context.ts';
import { changedConfig } from './changed-config.ts';
import { imageError } from './image-error.ts';
import { reading } from './reading.ts';
import { storeImage } from './store-image.ts';
import type { LeasedWork } from './work.ts';

const MESSAGE = 'imported from a tar archive';

interface Import {
  readonly context: Context;
  readonly query: ImportQuery;
  readonly run: RunConfig;
  /** Canonical. */
  readonly name: string | undefined;
  readonly report: Report;
}

/** Throws EngineError `invalid_field` for a change, those of daemon/engine/images/image-error.ts, and the signal's reason. */
export async function importImage(
  context: Context,
  stream: Readable,
  query: ImportQuery,
  report: Report,
  signal: AbortSignal,
): Promise<StoredImage> {
  try {
    const run = changedConfig({}, query.change ?? [], 'change');
    const task: Import = { context, query, run, name: nameOf(query.name), report };
    return await context.images.work.leased('import', signal, async (work, either) => {
      try {
        return await take(task, work, stream, either);
      } catch (error) {
        work.lease.release();
        if (either.aborted) await context.images.store.collect();
        throw error;
      }
    });
  } catch (error) {
    throw imageError(error);
  }
}

function nameOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const reference = parseReference(text);
  if (reference.digest === undefined) return canonicalText(withDefaultTag(reference));
  throw new ImageError('invalid_reference', `"${shown(text)}": a digest follows from the content, it cannot be given`);
}

async function take(task: Import, work: LeasedWork, stream: Readable, signal: AbortSignal): Promise<StoredImage> {
  const { context, query, run, name, report } = task;
  const { images } = context;
  const { contents } = images.store;
  const platform = query.platform === undefined ? images.platform : parsePlatform(query.platform, images.platform);
  // Uncompressed, so that its digest is the layer's diff id, however it came.
  const archive = decompressed(reading(stream, report), 'detect', signal);
  const layer = await contents.ingestNew(work.lease, archive, { what: 'the archive' });
  const created = nowTimestamp();
  const config = encodeImageConfig({
    ...{ platform, created, run, diffIds: [layer.digest] },
    history: [{ created, comment: query.message ?? MESSAGE, isEmpty: false }],
  });
  const stored = await contents.put(work.lease, config, 'its configuration');
  const manifest = encodeManifest({
    ...{ kind: 'manifest', mediaType: OCI_MANIFEST },
    config: { mediaType: OCI_CONFIG, digest: stored.digest, size: stored.size },
    layers: [{ mediaType: OCI_LAYER, digest: layer.digest, size: layer.size }],
  });
  const { image } = await storeImage(
    context,
    work,
    {
      ...{ manifest, what: 'the archive', names: name === undefined ? [] : [{ name }] },
      happenings: ({ id, names, config: { run: made } }) => [
        { action: 'image_import', image: { id, name: names[0] ?? id, labels: made.labels ?? {} } },
      ],
    },
    report,
    signal,
  );
  return image;
}
