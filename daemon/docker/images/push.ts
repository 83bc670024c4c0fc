/** `POST /images/{name}/push` */
import type { Progress } from '../../../shared/api/image.ts';
import { DockerError, type ErrorTexts } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { jsonLines } from '../streams/json-lines.ts';
import { registryAuthOf } from './auth.ts';
import { layerLine } from './layer-line.ts';
import { joinedName, splitName } from './names.ts';
import { REGISTRY_TEXTS } from './texts.ts';

const TEXTS: ErrorTexts = {
  ...REGISTRY_TEXTS,
  image_not_found: (_error, named) =>
    new DockerError(404, `An image does not exist locally with the tag: ${splitName(named)[0]}`),
};

const WORDS = {
  waiting: 'Preparing',
  exists: 'Layer already exists',
  mounted: 'Mounted from another repository',
  uploading: 'Pushing',
  done: 'Pushed',
} as const;

export const pushImage: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/images/:id+/push',
  texts: TEXTS,
  handle({ engine }, call) {
    const name = joinedName(call.id, call.query.text('tag') ?? '');
    const [repository, tag] = splitName(name);
    return jsonLines(
      call,
      async (tell) => {
        const report = (progress: Progress): void => {
          const line = layerLine(progress, WORDS);
          if (line !== undefined) tell(line);
        };
        tell({ status: `The push refers to repository [${canonicalOf(repository)}]` });
        const request = tag === '' ? { allTags: true } : {};
        const { pushed } = await engine.pushImage(name, request, registryAuthOf(call), report, call.signal);
        for (const { name: shown, digest, size } of pushed) {
          const Tag = splitName(shown)[1];
          tell({ status: `${Tag}: digest: ${digest} size: ${size}` });
          tell({ progressDetail: {}, aux: { Tag, Digest: digest, Size: size } });
        }
      },
      TEXTS,
    );
  },
});

function canonicalOf(repository: string): string {
  const [first = ''] = repository.split('/', 1);
  if (repository.includes('/') && (/[.:]/.test(first) || first === 'localhost')) return repository;
  return `docker.io/${repository.includes('/') ? '' : 'library/'}${repository}`;
}
