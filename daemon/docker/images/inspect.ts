/** `GET /images/{name}/json` */
import type { ImageDetail } from '../../../shared/api/image.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { goTime } from '../time.ts';
import { platformOf } from './names.ts';
import { IMAGE_TEXTS } from './texts.ts';

const VIRTUAL_SIZE_UNTIL = 43;

export const inspectImage: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/images/:id+/json',
  texts: IMAGE_TEXTS,
  async handle({ engine }, call) {
    platformOf(call.query.text('platform'));
    return { status: 200, json: detailOf(await engine.inspectImage(call.id), call.version) };
  },
});

function detailOf(image: ImageDetail, version: number): object {
  const document = image.document as Readonly<Record<string, unknown>>;
  const [os = 'linux', architecture = '', variant] = image.platform.split('/');
  return {
    Id: image.id,
    RepoTags: image.names.filter((name) => !name.includes('@')),
    RepoDigests: image.digests,
    Parent: '',
    Comment: commentOf(document),
    Created: image.createdAt ?? goTime(undefined),
    Container: document.container ?? '',
    ContainerConfig: document.container_config ?? null,
    DockerVersion: document.docker_version ?? '',
    Author: image.author ?? '',
    Config: document.config ?? null,
    Architecture: architecture,
    ...(variant === undefined ? {} : { Variant: variant }),
    Os: os,
    Size: image.size,
    ...(version <= VIRTUAL_SIZE_UNTIL ? { VirtualSize: image.size } : {}),
    GraphDriver: { Data: null, Name: 'overlay2' },
    RootFS: { Type: 'layers', Layers: image.layers.map(({ diffId }) => diffId) },
    Metadata: { LastTagTime: goTime(image.storedAt) },
  };
}

/** Of its newest step. */
function commentOf({ comment, history }: Readonly<Record<string, unknown>>): string {
  if (typeof comment === 'string' && comment !== '') return comment;
  const last: unknown = Array.isArray(history) ? history.at(-1) : undefined;
  const said = (last as { comment?: unknown } | undefined)?.comment;
  return typeof said === 'string' ? said : '';
}
