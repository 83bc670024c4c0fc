/** Images that a Dockerfile names: stages before, images that are here, and those that have to be pulled. */
import { ImageError } from '../../images/errors.ts';
import { parseReference } from '../../images/reference.ts';
import type { ManifestRow } from '../../registry/images.ts';
import { EngineError } from '../errors.ts';
import { findImage } from '../images/find.ts';
import { imageError } from '../images/image-error.ts';
import { pullImage } from '../images/pull.ts';
import { BuildFailure } from './failure.ts';
import { type BuiltImage, readImage } from './image.ts';
import type { Session } from './session.ts';

/** `--from`: a stage by its name or number, or an image. Throws BuildFailure, and as baseImage(). */
export async function otherImage(session: Session, from: string): Promise<BuiltImage> {
  const before = session.stages.slice(0, -1);
  const stage = before.find(({ name }) => name === from.toLowerCase());
  if (stage !== undefined) return stage.image;
  if (!/^[0-9]{1,4}$/.test(from)) return baseImage(session, from, undefined);
  const numbered = before[Number(from)];
  if (numbered !== undefined) return numbered.image;
  throw new BuildFailure(`invalid from flag value ${from}: there is no stage of this number before it`);
}

/** Throws as findImage() and pullImage(). */
export async function baseImage(session: Session, name: string, platform: string | undefined): Promise<BuiltImage> {
  const { context, query } = session;
  const wanted = platform ?? query.platform;
  let row = query.pull === true && isName(name) ? undefined : found(session, name, wanted);
  if (row === undefined) {
    await pull(session, name, wanted);
    row = findImage(context, name, wanted).manifest;
  }
  try {
    return await readImage(session, row);
  } catch (error) {
    throw imageError(error);
  }
}

/** Undefined: it is to be asked for. */
function found({ context }: Session, name: string, platform: string | undefined): ManifestRow | undefined {
  try {
    return findImage(context, name, platform).manifest;
  } catch (error) {
    const isMissing =
      error instanceof EngineError && (error.code === 'image_not_found' || error.code === 'no_such_platform');
    if (isMissing && isName(name)) return undefined;
    throw error;
  }
}

function isName(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch (error) {
    if (error instanceof ImageError) return false;
    throw error;
  }
}

async function pull({ context, auths, tell, signal }: Session, name: string, platform: string | undefined) {
  const { registry } = parseReference(name);
  const request = { reference: name, ...(platform === undefined ? {} : { platform }) };
  const report = (progress: Parameters<typeof tell>[0]): void => void tell(progress);
  await pullImage(context, request, auths(registry), report, signal);
}
