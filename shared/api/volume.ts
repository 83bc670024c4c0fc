/** The volume resource: directories that outlive containers. */
import { Type, type Static } from '@sinclair/typebox';
import { Labels, Name, Timestamp, closed } from './common.ts';

export const VolumeCreateRequest = closed({
  /** Default: 64 hexadecimal digits, and it is anonymous: prune takes it without being asked for all. */
  name: Type.Optional(Name),
  labels: Type.Optional(Labels),
});
export type VolumeCreateRequest = Static<typeof VolumeCreateRequest>;

export const Volume = Type.Object({
  name: Type.String(),
  /** It was made for a container that named none, and goes with it where that is asked for. */
  anonymous: Type.Boolean(),
  /** The directory on the host. */
  mountpoint: Type.String(),
  labels: Labels,
  createdAt: Timestamp,
  /** Ids of the containers that have it, whether they run or not. */
  containers: Type.Array(Type.String()),
});
export type Volume = Static<typeof Volume>;

/** `GET /volumes`; several values of one key are alternatives. */
export const VolumeListQuery = closed({
  name: Type.Optional(Type.String({ description: 'part of the name' })),
  label: Type.Optional(Type.Array(Type.String(), { description: '"key" or "key=value"' })),
  /** Not had by any container. */
  dangling: Type.Optional(Type.Boolean()),
});
export type VolumeListQuery = Static<typeof VolumeListQuery>;

export const VolumeRemoveQuery = closed({
  /** One that is not there is no error. */
  force: Type.Optional(Type.Boolean()),
});
export type VolumeRemoveQuery = Static<typeof VolumeRemoveQuery>;

export const VolumePruneRequest = closed({
  /** Named ones too. */
  all: Type.Optional(Type.Boolean()),
  label: Type.Optional(Type.Array(Type.String(), { description: '"key", "key=value", "!key" or "!key=value"' })),
});
export type VolumePruneRequest = Static<typeof VolumePruneRequest>;

export const VolumePruneResponse = Type.Object({
  removed: Type.Array(Type.String({ description: 'names' })),
  reclaimed: Type.Integer({ description: 'bytes' }),
});
export type VolumePruneResponse = Static<typeof VolumePruneResponse>;
