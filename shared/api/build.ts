/** Building images of Dockerfiles: what is asked for, and what comes of it. */
import { Type, type Static } from '@sinclair/typebox';
import { Bytes, Moment, NoNul, closed } from './common.ts';
import { ImageRef, PlatformText, StoredImage } from './image.ts';

const list = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 65_536, pattern: '^[^\\u0000]*$' }), {
    maxItems: 1000,
    description,
  });

/** `POST /build`: the body is the context as a tar archive, plain, gzip or zstd. */
export const BuildQuery = closed({
  /** In the context. */
  dockerfile: Type.Optional(
    Type.String({ minLength: 1, maxLength: 4095, pattern: '^[^\\u0000]*$', description: 'default "Dockerfile"' }),
  ),
  tag: Type.Optional(Type.Array(ImageRef, { maxItems: 100, description: 'names of the image' })),
  target: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'the stage to end with' })),
  buildArg: Type.Optional(list('"NAME=value", for ARG')),
  label: Type.Optional(list('"key" or "key=value"')),
  noCache: Type.Optional(Type.Boolean({ description: 'run every step anew' })),
  pull: Type.Optional(Type.Boolean({ description: 'ask registries also for base images that are here' })),
  platform: Type.Optional(PlatformText),
  /** Of RUN: "none", "host", "bridge", "container:REF", or the name of a network; default: the daemon's. */
  network: Type.Optional(Type.String({ minLength: 1, maxLength: 140, pattern: '^[A-Za-z0-9][A-Za-z0-9_.:-]*$' })),
  memory: Type.Optional(Bytes),
  /** With the memory; -1 is unlimited swap. */
  memorySwap: Type.Optional(Type.Union([Type.Literal('-1'), Bytes])),
  cpuShares: Type.Optional(Type.Integer({ minimum: 2, maximum: 262_144 })),
  cpuPeriod: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
  cpuQuota: Type.Optional(Type.Integer({ minimum: -1, maximum: Number.MAX_SAFE_INTEGER })),
  cpuset: Type.Optional(Type.String({ pattern: '^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$' })),
  cpusetMems: Type.Optional(Type.String({ pattern: '^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$' })),
  shmSize: Type.Optional(Bytes),
  extraHost: Type.Optional(list('"name:address", lines of /etc/hosts for RUN')),
  /** Steps that are kept here are found without it; of other images nothing is known to build on. */
  cacheFrom: Type.Optional(Type.Array(ImageRef, { maxItems: 100, description: 'taken, and of no effect' })),
  /** Never to be had here: refused by name. */
  squash: Type.Optional(Type.Boolean()),
});
export type BuildQuery = Static<typeof BuildQuery>;

export const BuildResponse = StoredImage;
export type BuildResponse = Static<typeof BuildResponse>;

/** `POST /build/prune` */
export const BuildPruneRequest = closed({
  /** Also the steps of images that have a name or a container: the next build of these begins anew. */
  all: Type.Optional(Type.Boolean()),
  /** Only those that were made before. */
  until: Type.Optional(Moment),
});
export type BuildPruneRequest = Static<typeof BuildPruneRequest>;

export const BuildPruneResponse = Type.Object({
  /** Ids of images and digests of layers. */
  deleted: Type.Array(NoNul),
  reclaimed: Type.Integer({ description: 'bytes' }),
});
export type BuildPruneResponse = Static<typeof BuildPruneResponse>;
