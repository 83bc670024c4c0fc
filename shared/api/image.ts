/** The image resource; pulling, pushing, loading and saving images; what is asked of their store. */
import { Type, type Static } from '@sinclair/typebox';
import { Labels, Moment, NoNul, closed } from './common.ts';
import { Problem } from './problem.ts';

/** Form only: the grammar is daemon/images/reference.ts. A name, an id ("sha256:…"), or the beginning of one. */
export const ImageRef = Type.String({
  minLength: 1,
  maxLength: 600,
  pattern: '^[^\\u0000-\\u0020\\u007f]+$',
  description: 'an image by name ("debian", "ghcr.io/you/app:1", "debian@sha256:…"), id, or the beginning of one',
});

export const PlatformText = Type.String({
  maxLength: 128,
  pattern: '^[a-z0-9_]+(/[A-Za-z0-9_.-]+){0,2}$',
  description: 'os/architecture/variant, such as "linux/arm64/v8"; default: the host\'s',
});

export const Healthcheck = Type.Object({
  /** ["NONE"], ["CMD", …], ["CMD-SHELL", command]. */
  test: Type.Optional(Type.Array(Type.String())),
  /** Nanoseconds, as all of these. */
  interval: Type.Optional(Type.Integer()),
  timeout: Type.Optional(Type.Integer()),
  startPeriod: Type.Optional(Type.Integer()),
  startInterval: Type.Optional(Type.Integer()),
  retries: Type.Optional(Type.Integer()),
});

/** How a container of the image runs, where its user says nothing else (image-spec, config.md). */
export const ImageRunConfig = Type.Object({
  user: Type.Optional(Type.String()),
  exposedPorts: Type.Optional(Type.Array(Type.String({ description: '"80/tcp"' }))),
  env: Type.Optional(Type.Array(Type.String())),
  entrypoint: Type.Optional(Type.Array(Type.String())),
  cmd: Type.Optional(Type.Array(Type.String())),
  volumes: Type.Optional(Type.Array(Type.String())),
  workingDir: Type.Optional(Type.String()),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
  stopSignal: Type.Optional(Type.String()),
  healthcheck: Type.Optional(Healthcheck),
  shell: Type.Optional(Type.Array(Type.String())),
  onBuild: Type.Optional(Type.Array(Type.String())),
});
export type ImageRunConfig = Static<typeof ImageRunConfig>;

export const ImageSummary = Type.Object({
  /** Digest of its configuration: "sha256:…". */
  id: Type.String(),
  /** Digest of its manifest. */
  manifest: Type.String(),
  /** As people write them: "debian:12", "ghcr.io/you/app:1"; none: it is dangling. */
  names: Type.Array(Type.String()),
  /** "debian@sha256:…": what the registry it came from calls it. */
  digests: Type.Array(Type.String()),
  platform: Type.String({ description: '"linux/amd64"' }),
  /** When it was built; absent where it does not say. */
  createdAt: Type.Optional(Type.String()),
  /** When it came to be here. */
  storedAt: Type.String(),
  /** Bytes of its layers, uncompressed. */
  size: Type.Integer(),
  /** Of `size`, what other images have too. */
  sharedSize: Type.Integer(),
  /** Containers that are made of it, or have it mounted. */
  containers: Type.Integer(),
  labels: Labels,
});
export type ImageSummary = Static<typeof ImageSummary>;

export const ImageLayer = Type.Object({
  /** Digest of the uncompressed archive. */
  diffId: Type.String(),
  /** Digest of the blob, as registries have it. */
  blob: Type.String(),
  mediaType: Type.String(),
  /** Bytes of the blob. */
  compressedSize: Type.Integer(),
  /** Bytes of the uncompressed archive. */
  size: Type.Integer(),
});

export const ImageDetail = Type.Intersect([
  ImageSummary,
  Type.Object({
    mediaType: Type.String({ description: 'of its manifest' }),
    author: Type.Optional(Type.String()),
    config: ImageRunConfig,
    /** The lowest first. */
    layers: Type.Array(ImageLayer),
    /** The configuration as it came. */
    document: Type.Unknown(),
  }),
]);
export type ImageDetail = Static<typeof ImageDetail>;

export const ImageHistoryEntry = Type.Object({
  /** Id of the image whose last layer this is; absent for all but the newest, as nobody kept them. */
  id: Type.Optional(Type.String()),
  createdAt: Type.Optional(Type.String()),
  createdBy: Type.String(),
  /** Bytes; 0 where it made no layer. */
  size: Type.Integer(),
  comment: Type.String(),
  names: Type.Array(Type.String()),
});
export type ImageHistoryEntry = Static<typeof ImageHistoryEntry>;

/** `GET /images`; several values of one key are alternatives, different keys must all fit. */
export const ImageListQuery = closed({
  /** A pattern of names as path.Match of Go has it: "debian", "ghcr.io/*\/app:1*". */
  reference: Type.Optional(Type.Array(NoNul)),
  /** Also the steps of builds, which have no name and of which others were made. */
  all: Type.Optional(Type.Boolean({ description: 'also the steps of builds' })),
  /** Without (true) or with (false) a name. */
  dangling: Type.Optional(Type.Boolean()),
  /** "key" or "key=value". */
  label: Type.Optional(Type.Array(Type.String())),
  /** Built before, or since, that image was. */
  before: Type.Optional(ImageRef),
  since: Type.Optional(ImageRef),
  /** Built before this moment. */
  until: Type.Optional(Moment),
});
export type ImageListQuery = Static<typeof ImageListQuery>;

export const ImageRemoveQuery = closed({
  /** Takes every name of it, also when it is given by its id; containers that do not run are no obstacle. */
  force: Type.Optional(Type.Boolean()),
  /** Takes the name alone: content that nobody has need of stays until the next prune. */
  noPrune: Type.Optional(Type.Boolean()),
});
export type ImageRemoveQuery = Static<typeof ImageRemoveQuery>;

export const ImageRemoveResponse = Type.Object({
  /** Names, as people write them. */
  untagged: Type.Array(Type.String()),
  /** Ids of images and digests of layers. */
  deleted: Type.Array(Type.String()),
});
export type ImageRemoveResponse = Static<typeof ImageRemoveResponse>;

export const ImageTagRequest = closed({ name: ImageRef });
export type ImageTagRequest = Static<typeof ImageTagRequest>;

/** Credentials for a registry come in the header X-Registry-Auth, as Docker has it: base64url of its AuthConfig. */
export const PullRequest = closed({
  reference: ImageRef,
  platform: Type.Optional(PlatformText),
  /** Every tag of the repository; `reference` has neither tag nor digest. */
  allTags: Type.Optional(Type.Boolean()),
});
export type PullRequest = Static<typeof PullRequest>;

/** What was pulled, loaded, imported or committed. */
export const StoredImage = Type.Object({
  id: Type.String(),
  manifest: Type.String(),
  names: Type.Array(Type.String()),
});
export type StoredImage = Static<typeof StoredImage>;

export const PullResponse = Type.Object({
  images: Type.Array(StoredImage),
  /** Nothing of it had to be fetched. */
  upToDate: Type.Boolean(),
});
export type PullResponse = Static<typeof PullResponse>;

export const PushRequest = closed({
  /** Where to, if not to what the image is called. */
  destination: Type.Optional(ImageRef),
  /** Every tag of the repository; the image is given by its repository's name alone. */
  allTags: Type.Optional(Type.Boolean()),
});
export type PushRequest = Static<typeof PushRequest>;

export const PushResponse = Type.Object({
  pushed: Type.Array(
    Type.Object({ name: Type.String(), digest: Type.String(), size: Type.Integer({ description: 'of the manifest' }) }),
  ),
});
export type PushResponse = Static<typeof PushResponse>;

export const PROGRESS_STATUSES = [
  /** What a name means is known; `detail` has the digest. */
  'resolved',
  /** The layer is here. */
  'exists',
  'waiting',
  'retrying',
  'downloading',
  'unpacking',
  'reading',
  'uploading',
  /** The registry took it from another repository. */
  'mounted',
  /** The layer is done. */
  'done',
] as const;

/**
 * One line of what pull, push, load, import tell while they work, where the client accepts application/x-ndjson or
 * text/event-stream. The last has `result`, which is what the others get as their only answer, or `problem`.
 */
export const Progress = Type.Object({
  status: Type.Optional(Type.Union(PROGRESS_STATUSES.map((name) => Type.Literal(name)))),
  /** The name of the image that this is about, as people write it. */
  image: Type.Optional(Type.String()),
  /** Digest of the layer's blob. */
  layer: Type.Optional(Type.String()),
  /** Bytes. */
  current: Type.Optional(Type.Integer()),
  total: Type.Optional(Type.Integer()),
  detail: Type.Optional(Type.String()),
  /** build: text for whoever watches, in order and without a gap. */
  output: Type.Optional(Type.String()),
  result: Type.Optional(Type.Unknown()),
  problem: Type.Optional(Problem),
});
export type Progress = Static<typeof Progress>;

/** `POST /images/load`: the body is a docker-archive or oci-archive, plain, gzip or zstd. */
export const LoadQuery = closed({ platform: Type.Optional(PlatformText) });
export type LoadQuery = Static<typeof LoadQuery>;
export const LoadResponse = Type.Object({ images: Type.Array(StoredImage) });
export type LoadResponse = Static<typeof LoadResponse>;

export const ARCHIVE_FORMATS = ['docker-archive', 'oci-archive'] as const;
export const ArchiveFormat = Type.Union(ARCHIVE_FORMATS.map((name) => Type.Literal(name)));
export type ArchiveFormat = Static<typeof ArchiveFormat>;

/** `POST /images/save`: the answer is a tar archive. */
export const SaveRequest = closed({
  images: Type.Array(ImageRef, { minItems: 1, maxItems: 1000 }),
  format: Type.Optional(ArchiveFormat),
});
export type SaveRequest = Static<typeof SaveRequest>;

/** Lines of a Dockerfile that change an image's configuration: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, … */
const Changes = Type.Array(Type.String({ minLength: 1, maxLength: 65_536, pattern: '^[^\\u0000]*$' }), {
  maxItems: 1000,
});

/** `POST /images/import`: the body is a tar archive of a root file system, plain, gzip, or zstd. */
export const ImportQuery = closed({
  name: Type.Optional(ImageRef),
  message: Type.Optional(NoNul),
  platform: Type.Optional(PlatformText),
  change: Type.Optional(Changes),
});
export type ImportQuery = Static<typeof ImportQuery>;

/** `POST /containers/:id/commit` */
export const CommitRequest = closed({
  name: Type.Optional(ImageRef),
  author: Type.Optional(NoNul),
  message: Type.Optional(NoNul),
  /** Pause it meanwhile (default true). */
  pause: Type.Optional(Type.Boolean({ description: 'pause it meanwhile (default true)' })),
  changes: Type.Optional(Changes),
});
export type CommitRequest = Static<typeof CommitRequest>;

/** `POST /images/prune` */
export const ImagePruneRequest = closed({
  /** Also those that have a name, and no container. */
  all: Type.Optional(Type.Boolean()),
  /** Only those that were built before. */
  until: Type.Optional(Moment),
  /** Only those with ("key", "key=value") or without ("!key", "!key=value") a label. */
  label: Type.Optional(Type.Array(Type.String())),
});
export type ImagePruneRequest = Static<typeof ImagePruneRequest>;

export const ImagePruneResponse = Type.Intersect([
  ImageRemoveResponse,
  Type.Object({ reclaimed: Type.Integer({ description: 'bytes' }) }),
]);
export type ImagePruneResponse = Static<typeof ImagePruneResponse>;

/** `GET /registries/image`: what a registry has under a name, without fetching it. */
export const RemoteQuery = closed({ reference: ImageRef });
export type RemoteQuery = Static<typeof RemoteQuery>;
export const RemoteImage = Type.Object({
  /** Of the manifest, or of the index where there are several platforms. */
  mediaType: Type.String(),
  digest: Type.String(),
  size: Type.Integer(),
  platforms: Type.Array(Type.String({ description: '"linux/amd64"' })),
});
export type RemoteImage = Static<typeof RemoteImage>;

/** `POST /registries/login`: whether a registry takes the credentials of X-Registry-Auth. */
export const LoginRequest = closed({
  registry: Type.String({ minLength: 1, maxLength: 255, description: 'host[:port]; "docker.io" is Docker Hub' }),
});
export type LoginRequest = Static<typeof LoginRequest>;
export const LoginResponse = Type.Object({
  /** To be kept in place of the password, where the registry gives one. */
  identityToken: Type.Optional(Type.String()),
});
export type LoginResponse = Static<typeof LoginResponse>;
