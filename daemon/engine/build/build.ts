/**
 * Builds an image of a Dockerfile and a context, as the classic builder of Docker does: step by step, each an image that
 * the next build finds again. What a build has for itself lies in a directory of its own, which goes with it.
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { join } from 'node:path';
import type { BuildQuery, BuildResponse } from '../../../shared/api/build.ts';
import type { Tell } from '../../api/engine.ts';
import { shown } from '../../images/errors.ts';
import { parsePlatform, type Platform } from '../../images/manifest/platform.ts';
import { canonicalText, familiarText, parseReference, withDefaultTag } from '../../images/reference.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { imageError } from '../images/image-error.ts';
import { tagImage } from '../images/tag.ts';
import { diskObstacle } from '../root-source.ts';
import { BuildArguments } from './arguments.ts';
import { parseAuths } from './auths.ts';
import { containerSettings } from './container-settings.ts';
import type { ReadDockerfile } from './copy/read-dockerfile.ts';
import { DOCKERFILE_MAX } from './dockerfile.ts';
import { BuildFailure } from './failure.ts';
import { shortId } from './image.ts';
import { InvalidDockerfile } from './invalid-dockerfile.ts';
import { withLabels } from './labels.ts';
import { type Session, contextDirectory, emptyDirectory, say } from './session.ts';
import { type BuildPlan, buildStages, planOf } from './stages.ts';
import { jsonOf } from './thread-json.ts';

const DEFAULT_DOCKERFILE = 'Dockerfile';
/** Bytes of a Dockerfile as JSON: its text twice, and each character may take six. */
const READ_MAX = 16 * DOCKERFILE_MAX;

export interface BuildParts {
  readonly query: BuildQuery;
  /** A tar archive, plain or compressed. */
  readonly stream: Readable;
  /** The header X-Registry-Config. */
  readonly registryConfig: string | undefined;
}

interface Names {
  /** As people write them. */
  readonly tags: readonly string[];
  readonly platform: Platform;
}

/** Throws EngineError: `dockerfile_invalid`, `build_failed`, and those of create(), pullImage() and storeImage(). */
export async function buildImage(
  context: Context,
  { query, stream, registryConfig }: BuildParts,
  tell: Tell,
  signal: AbortSignal,
): Promise<BuildResponse> {
  const id = randomBytes(16).toString('hex');
  const directory = join(context.places.builds, id);
  try {
    const names = checkQuery(context, query, id);
    const auths = parseAuths(registryConfig);
    // the former daemon's builds are cleared away, and this one is not among them
    await unlessAborted(context.swept.promise, signal);
    return await context.images.work.leased(`build ${id}`, signal, async (work, either) => {
      try {
        await makeDirectories(directory);
        const { dockerfile, hidden } = await takeContext(context, { query, stream, directory }, either);
        const args = new BuildArguments(query.buildArg ?? [], { build: context.images.platform, target: names.platform });
        const plan = planOf(withLabels(dockerfile, query.label ?? []), query.target);
        const session: Session = {
          ...{ context, query, work, signal: either, tell, auths, args, id, directory, hidden, stages: [] },
          ...{ platform: names.platform, escape: dockerfile.escape },
        };
        return await built(session, plan, names);
      } catch (error) {
        // nothing is resumed: the steps that were done are found by their keys
        work.lease.release();
        throw error;
      } finally {
        await context.trees.remove(directory);
      }
    });
  } catch (error) {
    if (error instanceof InvalidDockerfile) {
      throw new EngineError('dockerfile_invalid', error.message, { cause: error });
    }
    throw imageError(error);
  }
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
    promise.then(resolve, reject);
  });
}

/** What would be refused at the end is refused before anything is done. */
function checkQuery(context: Context, query: BuildQuery, id: string): Names {
  if (query.squash === true) {
    throw new EngineError('unsupported', 'squash: layers are not made into one', { field: 'squash' });
  }
  const obstacle = diskObstacle(undefined, context.places.root);
  if (obstacle !== undefined) throw new EngineError('unsupported', `nothing can be built: ${obstacle}`);
  containerSettings({ query, id });
  const tags = (query.tag ?? []).map((tag) => {
    const reference = withDefaultTag(parseReference(tag));
    if (reference.digest === undefined) return familiarText(parseReference(canonicalText(reference)));
    throw new EngineError('invalid_field', 'tag: a digest follows from the content, it cannot be given', {
      field: 'tag',
    });
  });
  const { platform: own } = context.images;
  return { tags: [...new Set(tags)], platform: query.platform === undefined ? own : parsePlatform(query.platform, own) };
}

async function makeDirectories(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await mkdir(contextDirectory(directory), { mode: 0o755 });
  await mkdir(emptyDirectory(directory), { mode: 0o755 });
}

/** Unpacks it, and reads the Dockerfile in it. Throws InvalidDockerfile, BuildFailure, and as the thread does. */
async function takeContext(
  context: Context,
  { query, stream, directory }: Pick<BuildParts, 'query' | 'stream'> & { readonly directory: string },
  signal: AbortSignal,
): Promise<Extract<ReadDockerfile, { is: 'read' }>> {
  const { dockerfile = DEFAULT_DOCKERFILE } = query;
  const job = { do: 'build-context', directory: contextDirectory(directory), dockerfile } as const;
  const work = await context.files.begin(job, signal, stream);
  const found = (await jsonOf(work, READ_MAX)) as ReadDockerfile;
  if (found.is === 'read') return found;
  throw found.is === 'invalid' ? new InvalidDockerfile(found.message) : new BuildFailure(found.message);
}

async function built(session: Session, plan: BuildPlan, { tags }: Names): Promise<BuildResponse> {
  const { context, args } = session;
  const { image } = await buildStages(session, plan);
  if (image.row === undefined) throw new BuildFailure('No image was generated. Is your Dockerfile empty?');
  if (args.unused.length > 0) {
    await say(session, `[Warning] One or more build-args [${args.unused.map(shown).join(' ')}] were not consumed\n`);
  }
  await say(session, `Successfully built ${shortId(image.id)}\n`);
  for (const name of tags) {
    await tagImage(context, image.id, { name });
    await say(session, `Successfully tagged ${name}\n`);
  }
  return { id: image.id, manifest: image.row.digest, names: [...tags] };
}

