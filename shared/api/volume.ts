/** The volume resource: directories that outlive containers. */
import { Type, type Static } from '@sinclair/typebox';
import { AbsolutePath, Labels, Name, Timestamp, closed } from './common.ts';
import { Mount } from './container.ts';

/** How a container gets a device, in the words of its mounts. */
const { readonly, recursive, propagation, options } = Mount.properties;

export const VolumeCreateRequest = closed({
  /** Default: 64 hexadecimal digits, and it is anonymous: prune takes it without being asked for all. */
  name: Type.Optional(Name),
  labels: Type.Optional(Labels),
  /** A directory of the host that the volume is, in place of one of its own. It is looked for when a container starts. */
  device: Type.Optional({
    ...AbsolutePath,
    description: 'an absolute path: a directory of the host that the volume is',
  }),
  /** Of a device, as are the following: nobody writes to it. */
  readonly,
  recursive,
  propagation,
  options,
});
export type VolumeCreateRequest = Static<typeof VolumeCreateRequest>;

export const Volume = Type.Object({
  name: Type.String(),
  /** It was made for a container that named none, and goes with it where that is asked for. */
  anonymous: Type.Boolean(),
  /** The directory on the host where its files are: its own, or the device. */
  mountpoint: Type.String(),
  labels: Labels,
  device: Type.Optional(Type.String({ description: 'a directory of the host that the volume is' })),
  readonly,
  recursive,
  propagation,
  options,
  /** As a client of Docker's API asked for the device. */
  driverOptions: Type.Optional(Type.Record(Type.String(), Type.String())),
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
  /** Named ones too. Those of a device stay: they take nothing of the disk. */
  all: Type.Optional(Type.Boolean()),
  label: Type.Optional(Type.Array(Type.String(), { description: '"key", "key=value", "!key" or "!key=value"' })),
});
export type VolumePruneRequest = Static<typeof VolumePruneRequest>;

export const VolumePruneResponse = Type.Object({
  removed: Type.Array(Type.String({ description: 'names' })),
  reclaimed: Type.Integer({ description: 'bytes' }),
});
export type VolumePruneResponse = Static<typeof VolumePruneResponse>;
