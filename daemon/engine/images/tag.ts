/** Gives an image one more name; whatever had it before keeps its others. */
import type { ImageTagRequest } from '../../../shared/api/image.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import { canonicalText, familiarText, parseReference, withDefaultTag, type Reference } from '../../images/reference.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { findImage } from './find.ts';
import { imageError } from './image-error.ts';
import { readableConfig } from './summary.ts';

/** Throws as findImage(), and `invalid_reference`, `invalid_field` for a name with a digest, `disk_full`. */
export async function tagImage(context: Context, ref: string, request: ImageTagRequest): Promise<void> {
  const reference = nameToGive(request.name);
  const labels = (await readableConfig(context, findImage(context, ref).manifest))?.run.labels ?? {};
  // it may be gone by now, or the name of another
  const { manifest, name: found } = findImage(context, ref);
  const { images } = context.registry;
  const name = canonicalText(reference);
  const [any] = images.namesOf(manifest.digest);
  const target = (found === undefined ? any : images.get(found))?.target ?? manifest.digest;
  if (images.get(name)?.manifest === manifest.digest) return;
  context.journal.commit(
    (registry) => {
      registry.images.tag({ name, manifest: manifest.digest, target, isShared: false, taggedAt: nowTimestamp() });
    },
    { action: 'image_tag', image: { id: manifest.config, name: familiarText(reference), labels } },
  );
}

function nameToGive(text: string): Reference {
  let reference: Reference;
  try {
    reference = withDefaultTag(parseReference(text));
  } catch (error) {
    throw imageError(error, 'name');
  }
  if (reference.digest === undefined) return reference;
  throw new EngineError('invalid_field', 'name: a digest follows from the content, it cannot be given', {
    field: 'name',
  });
}
