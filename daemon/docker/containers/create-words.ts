/** dockerd's words for why a container cannot be made. */
import type { CreateRequest } from '../../../shared/api/container.ts';
import type { Engine } from '../../api/engine.ts';
import { EngineError } from '../../engine/errors.ts';
import { DockerError } from '../error.ts';
import { plain } from './translate/refuse.ts';

/** Only for an image 404 is said: whoever hears it pulls the image and tries again. */
export function createWords(
  engine: Engine,
  { name = '', image = '', platform }: CreateRequest,
  error: unknown,
): unknown {
  if (!(error instanceof EngineError)) return error;
  if (error.code === 'name_taken') return nameTaken(engine, name, error);
  if (error.field === undefined || error.field === 'image') return imageWords(error, image, platform);
  const words = fieldWords(error, error.field);
  if (words !== undefined) return new DockerError(400, words, { cause: error });
  return error.class === 'not_found' ? new DockerError(400, error.message, { cause: error }) : error;
}

/** dockerd's words for what the engine says of a field; undefined: there are none. */
function fieldWords({ code, message }: EngineError, field: string): string | undefined {
  const [, named = ''] = /"([^"]*)"/.exec(message) ?? [];
  if (code === 'network_not_found') return `network ${named} not found`;
  if (code === 'invalid_field' && field === 'command') return 'No command specified';
  if (code !== 'invalid_field' || named === '') return undefined;
  const capability = /^capabilities\.(add|drop)/.exec(field)?.[1];
  if (capability !== undefined) {
    const name = named.toUpperCase();
    const whole = name.startsWith('CAP_') ? name : `CAP_${name}`;
    return `invalid ${capability === 'add' ? 'CapAdd' : 'CapDrop'}: unknown capability: "${whole}"`;
  }
  if (field === 'user' && message.includes('no user'))
    return `unable to find user ${named}: no matching entries in passwd file`;
  const isGroup = message.includes('no group') && (field === 'user' || field.startsWith('groups'));
  return isGroup ? `unable to find group ${named}: no matching entries in group file` : undefined;
}

export function nameTaken(engine: Engine, name: string, cause: EngineError): DockerError {
  const holder = engine.identify(name) ?? '';
  return new DockerError(
    409,
    `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
    { cause },
  );
}

export function imageWords(error: unknown, image: string, platform: string | undefined): unknown {
  if (!(error instanceof EngineError)) return error;
  switch (error.code) {
    case 'image_not_found':
      return new DockerError(404, `No such image: ${withTag(plain(image))}`, { cause: error });
    case 'no_such_platform':
      return new DockerError(
        404,
        `image with reference ${plain(image)} was found but does not match the specified platform: wanted ${plain(platform ?? '')}, actual: ${platformsOf(error.message)}`,
        { cause: error },
      );
    case 'invalid_reference': {
      const isUpper = image !== image.toLowerCase();
      const why = isUpper ? ': repository name must be lowercase' : '';
      return new DockerError(400, `invalid reference format${why}`, { cause: error });
    }
    default:
      return error;
  }
}

/** "… is here for linux/amd64, not for …" */
function platformsOf(message: string): string {
  return / is here for (.+), not for /.exec(message)?.[1] ?? 'another';
}

function withTag(image: string): string {
  const hasTag = image.includes('@') || image.includes(':', image.lastIndexOf('/') + 1);
  return hasTag ? image : `${image}:latest`;
}
