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
    // gone since 1.45; but docker-compose 1.29 speaks the newest version, and makes no container anew without it
    ContainerConfig: configOf(document.container_config),
    DockerVersion: document.docker_version ?? '',
    Author: image.author ?? '',
    Config: configOf(document.config),
    Architecture: architecture,
    ...(variant === undefined ? {} : { Variant: variant }),
    Os: os,
    Size: image.size,
    ...(version <= VIRTUAL_SIZE_UNTIL ? { VirtualSize: image.size } : {}),
    GraphDriver: { Data: {}, Name: 'overlay2' },
    RootFS: { Type: 'layers', Layers: image.layers.map(({ diffId }) => diffId) },
    Metadata: { LastTagTime: goTime(image.storedAt) },
  };
}

/** Fields that dockerd's Go always shows, as they are where nobody set them. */
const EMPTY_CONFIG = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

function configOf(config: unknown): object {
  return { ...EMPTY_CONFIG, ...(typeof config === 'object' ? config : {}) };
}

/** Of its newest step. */
function commentOf({ comment, history }: Readonly<Record<string, unknown>>): string {
  if (typeof comment === 'string' && comment !== '') return comment;
  const last: unknown = Array.isArray(history) ? history.at(-1) : undefined;
  const said = (last as { comment?: unknown } | undefined)?.comment;
  return typeof said === 'string' ? said : '';
}
