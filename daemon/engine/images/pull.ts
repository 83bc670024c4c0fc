/** Images from a registry: one by its tag or digest, or every tag of a repository. */
import type { PullRequest, PullResponse, StoredImage } from '../../../shared/api/image.ts';
import type { RegistryAuth, Report } from '../../api/engine.ts';
import { ImageError } from '../../images/errors.ts';
import type { Descriptor } from '../../images/manifest/descriptor.ts';
import { parseManifest } from '../../images/manifest/manifest.ts';
import { choosePlatform, parsePlatform, platformText, type Platform } from '../../images/manifest/platform.ts';
import {
  canonicalText,
  familiarName,
  familiarText,
  parseReference,
  parseRepository,
  withDefaultTag,
  type Reference,
} from '../../images/reference.ts';
import type { RegistryClient } from '../../images/registry/client.ts';
import type { FetchedManifest } from '../../images/registry/manifests.ts';
import { openClient } from './client.ts';
import type { MovingContext } from './context.ts';
import { imageError } from './image-error.ts';
import { absent, unauthorized } from './refusal.ts';
import { storedImage } from './stored.ts';
import { storeImage, type FetchBlob, type ImageToStore } from './store-image.ts';

/** An index of indexes of indexes is nobody's image. */
const INDEX_DEPTH = 2;

interface Pull {
  readonly context: MovingContext;
  readonly client: RegistryClient;
  readonly platform: Platform;
  readonly report: Report;
}

interface Pulled {
  readonly image: StoredImage;
  readonly isNew: boolean;
}

/** Throws EngineError of daemon/engine/images/image-error.ts, and the signal's reason. What a killed one fetched is used by the next. */
export async function pullImage(
  context: MovingContext,
  request: PullRequest,
  auth: RegistryAuth,
  report: Report,
  signal: AbortSignal,
): Promise<PullResponse> {
  const reference = referenceOf(request);
  const platform = platformOf(context, request);
  try {
    const client = await openClient(context, reference.registry, auth);
    const pull = { context, client, platform, report };
    if (request.allTags === true) return await pullAll(pull, reference, signal);
    const { image, isNew } = await pullOne(pull, reference, signal);
    return { images: [image], upToDate: !isNew };
  } catch (error) {
    throw imageError(unauthorized(error, familiarText(reference), reference.registry, auth !== undefined));
  }
}

function referenceOf({ reference, allTags }: PullRequest): Reference {
  try {
    return allTags === true ? parseRepository(reference) : withDefaultTag(parseReference(reference));
  } catch (error) {
    throw imageError(error, 'reference');
  }
}

function platformOf({ images }: MovingContext, { platform }: PullRequest): Platform {
  try {
    return platform === undefined ? images.platform : parsePlatform(platform, images.platform);
  } catch (error) {
    throw imageError(error, 'platform');
  }
}

/** One after the other: their layers are mostly the same. */
async function pullAll(pull: Pull, repository: Reference, signal: AbortSignal): Promise<PullResponse> {
  const { context, client } = pull;
  const tags = await context.images.work.run(signal, (either) => client.listTags(repository, { signal: either }));
  if (tags.length === 0) {
    throw new ImageError('image_not_found', `${familiarName(repository)}: the registry has no tag of it`);
  }
  const images: StoredImage[] = [];
  let upToDate = true;
  for (const tag of tags) {
    const { image, isNew } = await pullOne(pull, { ...repository, tag }, signal);
    images.push(image);
    upToDate &&= !isNew;
  }
  return { images, upToDate };
}

/** `reference` has a tag or a digest. */
async function pullOne(pull: Pull, asked: Reference, signal: AbortSignal): Promise<Pulled> {
  const { context, client, platform, report } = pull;
  // With both, the digest says which image it is, and the tag nothing.
  const { tag, digest, ...repository } = asked;
  const reference: Reference = { ...repository, ...(digest === undefined ? { tag: tag ?? '' } : { digest }) };
  const name = canonicalText(reference);
  const what = familiarText(reference);
  // what is fetched for one platform is of no use to another
  const purpose = `pull ${name} ${platformText(platform)}`;
  return context.images.work.leased(purpose, signal, async (work, either) => {
    const target = await client.resolve(reference, { signal: either }).catch(async (error: unknown) => {
      throw await absent(error, client, reference, either);
    });
    report({ status: 'resolved', image: what, detail: target.digest });
    const there = storedImage(context, name, target.digest, platform);
    if (there !== undefined) return { image: { ...there, names: [what] }, isNew: false };
    const manifest = await chooseManifest(pull, reference, target, what, either);
    const from =
      (mirrors: boolean): FetchBlob =>
      (descriptor, position, blobSignal) =>
        client.fetchBlob(reference, descriptor, { from: position, signal: blobSignal, mirrors });
    const hasMirrors = client.hasMirrors(reference);
    const image = {
      ...{ manifest, what, fetchBlob: from(true), platform },
      ...(hasMirrors ? { refetchBlob: from(false) } : {}),
      names: [{ name, target: target.digest }],
    };
    const ahead = context.images.ahead.pull.open();
    try {
      const happenings: ImageToStore['happenings'] = ({ id, config }) => [
        { action: 'image_pull', image: { id, name: what, labels: config.run.labels ?? {} } },
      ];
      const stored = await storeImage(context, work, { ...image, ahead, happenings }, report, either);
      return { image: stored.image, isNew: true };
    } finally {
      await ahead?.close();
    }
  });
}

/** The image's manifest: what the reference means, or the one for the platform of an index. */
async function chooseManifest(
  { client, platform }: Pull,
  reference: Reference,
  target: Descriptor,
  what: string,
  signal: AbortSignal,
): Promise<FetchedManifest> {
  let descriptor = target;
  for (let depth = 0; depth <= INDEX_DEPTH; depth++) {
    const fetched = await client.fetchDescribed(reference, descriptor, { signal });
    const parsed = parseManifest(fetched.bytes, fetched.descriptor.mediaType, what);
    if (parsed.kind === 'manifest') return fetched;
    descriptor = choosePlatform(parsed.manifests, what, platform);
  }
  throw new ImageError('manifest_invalid', `${what}: its index leads to further indexes`);
}
