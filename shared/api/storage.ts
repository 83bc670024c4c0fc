/** What the daemon's files take, and whether they are sound. */
import { Type, type Static } from '@sinclair/typebox';
import { Labels, Moment, closed } from './common.ts';

const Usage = {
  total: Type.Integer({ description: 'how many there are' }),
  active: Type.Integer({ description: 'how many are in use' }),
  size: Type.Integer({ description: 'bytes' }),
  reclaimable: Type.Integer({ description: 'bytes that a prune would give back' }),
};

/** `GET /system/df` */
export const DiskUsage = Type.Object({
  images: Type.Object({
    ...Usage,
    items: Type.Array(
      Type.Object({
        id: Type.String(),
        names: Type.Array(Type.String()),
        size: Type.Integer(),
        sharedSize: Type.Integer(),
        uniqueSize: Type.Integer(),
        containers: Type.Integer(),
        createdAt: Type.Optional(Type.String()),
      }),
    ),
  }),
  /** What containers wrote, and their logs. */
  containers: Type.Object({
    ...Usage,
    items: Type.Array(
      Type.Object({
        id: Type.String(),
        name: Type.String(),
        image: Type.Optional(Type.String()),
        status: Type.String(),
        size: Type.Integer({ description: 'of its upper layer' }),
        logSize: Type.Integer(),
        labels: Labels,
      }),
    ),
  }),
  volumes: Type.Object({
    ...Usage,
    items: Type.Array(Type.Object({ name: Type.String(), size: Type.Integer(), containers: Type.Integer() })),
  }),
  /** Blobs of images as registries have them, parts of pulls that may be resumed, and what nobody has need of. */
  content: Type.Object({ ...Usage }),
});
export type DiskUsage = Static<typeof DiskUsage>;

/** `POST /system/prune`: stopped containers, unused networks, dangling images; volumes where asked for. */
export const SystemPruneRequest = closed({
  /** Every image without a container, not only dangling ones. */
  all: Type.Optional(Type.Boolean()),
  /** Anonymous volumes too. */
  volumes: Type.Optional(Type.Boolean()),
  until: Type.Optional(Moment),
  label: Type.Optional(Type.Array(Type.String())),
});
export type SystemPruneRequest = Static<typeof SystemPruneRequest>;

export const SystemPruneResponse = Type.Object({
  containers: Type.Array(Type.String({ description: 'ids' })),
  networks: Type.Array(Type.String({ description: 'names' })),
  volumes: Type.Array(Type.String({ description: 'names' })),
  untagged: Type.Array(Type.String()),
  deleted: Type.Array(Type.String()),
  reclaimed: Type.Integer({ description: 'bytes' }),
});
export type SystemPruneResponse = Static<typeof SystemPruneResponse>;

/** `POST /containers/prune` */
export const ContainerPruneRequest = closed({
  until: Type.Optional(Moment),
  label: Type.Optional(Type.Array(Type.String())),
});
export type ContainerPruneRequest = Static<typeof ContainerPruneRequest>;
export const ContainerPruneResponse = Type.Object({
  removed: Type.Array(Type.String({ description: 'ids' })),
  reclaimed: Type.Integer({ description: 'bytes' }),
});
export type ContainerPruneResponse = Static<typeof ContainerPruneResponse>;

/** `POST /system/check` */
export const SystemCheckRequest = closed({
  /** Mend what can be: what is lost is marked, and fetched again by the next pull. */
  repair: Type.Optional(Type.Boolean()),
});
export type SystemCheckRequest = Static<typeof SystemCheckRequest>;

export const SystemCheckResponse = Type.Object({
  /** Nothing was found, or all that was found is mended. */
  sound: Type.Boolean(),
  findings: Type.Array(
    Type.Object({
      /** Such as "blob_missing", "blob_damaged", "layer_orphaned". */
      kind: Type.String(),
      /** What it is about: a digest, a path below the root directory, a name. */
      what: Type.String(),
      detail: Type.String(),
      repaired: Type.Boolean(),
      /** Names of the images that have need of it. */
      images: Type.Array(Type.String()),
    }),
  ),
});
export type SystemCheckResponse = Static<typeof SystemCheckResponse>;
