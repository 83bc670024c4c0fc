/** `POST /images/create`: pulls an image, or imports a root file system. */
import type { Progress, PullResponse } from '../../../shared/api/image.ts';
import { DockerError } from '../error.ts';
import { type Docker, type DockerAnswer, type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { type Tell, jsonLines } from '../streams/json-lines.ts';
import { registryAuthOf } from './auth.ts';
import { layerLine } from './layer-line.ts';
import { hasTag, joinedName, platformOf, splitName } from './names.ts';
import { REGISTRY_TEXTS, pullTexts } from './texts.ts';

export const createImage: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/images/create',
  upload: true,
  texts: REGISTRY_TEXTS,
  handle(docker, call) {
    const { query } = call;
    const image = query.text('fromImage') ?? '';
    const source = query.text('fromSrc') ?? '';
    if (image !== '') return pull(docker, call, image);
    if (source === '') throw new DockerError(400, 'fromImage or fromSrc is missing');
    return importFrom(docker, call, source);
  },
});

function pull({ engine }: Docker, call: DockerCall, image: string): Promise<DockerAnswer> {
  const tag = call.query.text('tag') ?? '';
  const [repository, given] = splitName(image);
  const reference = tag === '' ? image : joinedName(given === '' || tag !== '' ? repository : image, tag);
  const platform = platformOf(call.query.text('platform'));
  const allTags = !hasTag(reference);
  const request = { reference, ...(platform === undefined ? {} : { platform }), ...(allTags ? { allTags } : {}) };
  const texts = pullTexts(reference);
  return jsonLines(
    call,
    async (tell) => {
      let digest = '';
      const report = (progress: Progress): void => {
        if (progress.status === 'resolved') digest = progress.detail ?? digest;
        tellPull(tell, progress);
      };
      const result = await engine.pullImage(request, registryAuthOf(call), report, call.signal);
      tellPulled(tell, result, { reference, digest });
    },
    texts,
  );
}

/** Of the pull of one image. */
export function tellPull(tell: Tell, progress: Progress): void {
  if (progress.status === 'resolved' && progress.image !== undefined) {
    const [repository, tag] = splitName(progress.image);
    tell({ status: `Pulling from ${pathOf(repository)}`, id: tag });
    return;
  }
  const line = layerLine(progress, PULL_WORDS);
  if (line !== undefined) tell(line);
}

const PULL_WORDS = {
  exists: 'Already exists',
  waiting: 'Pulling fs layer',
  retrying: 'Retrying',
  downloading: 'Downloading',
  unpacking: 'Extracting',
  done: 'Pull complete',
} as const;

function tellPulled(
  tell: Tell,
  { images, upToDate }: PullResponse,
  { reference, digest }: { readonly reference: string; readonly digest: string },
): void {
  if (digest !== '' && images.length === 1) tell({ status: `Digest: ${digest}` });
  const what = upToDate ? 'Image is up to date for' : 'Downloaded newer image for';
  tell({ status: `Status: ${what} ${reference}` });
}

/** As dockerd shows it: official ones in library/, those of other registries without their host. */
function pathOf(repository: string): string {
  const slash = repository.indexOf('/');
  if (slash === -1) return `library/${repository}`;
  const first = repository.slice(0, slash);
  return /[.:]/.test(first) || first === 'localhost' ? repository.slice(slash + 1) : repository;
}

function importFrom({ engine }: Docker, call: DockerCall, source: string): Promise<DockerAnswer> {
  if (source !== '-') {
    throw new DockerError(400, 'importing from a URL is not offered: fetch it, and send it as the body with fromSrc=-');
  }
  const { query } = call;
  const repository = query.text('repo') ?? '';
  const message = query.text('message') ?? '';
  const platform = platformOf(query.text('platform'));
  const change = query.all('changes');
  return jsonLines(call, async (tell) => {
    const { id } = await engine.importImage(
      call.upload,
      {
        ...(repository === '' ? {} : { name: joinedName(repository, query.text('tag') ?? '') }),
        ...(message === '' ? {} : { message }),
        ...(platform === undefined ? {} : { platform }),
        ...(change.length === 0 ? {} : { change: [...change] }),
      },
      () => undefined,
      call.signal,
    );
    tell({ status: id });
  });
}
