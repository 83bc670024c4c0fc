/** Files of a container: what it changed, and copying into and out of it. */
import { Type, type Static } from '@sinclair/typebox';
import { NoNul, closed } from './common.ts';

/** `GET /containers/:id/changes`: beside the image or root directory it was made of. */
export const Change = Type.Object({
  path: Type.String(),
  kind: Type.Union([Type.Literal('modified'), Type.Literal('added'), Type.Literal('deleted')]),
});
export type Change = Static<typeof Change>;

/** A path in the container; a relative one begins at "/". */
const ContainerPath = Type.String({ minLength: 1, maxLength: 4095, pattern: '^[^\\u0000]*$' });

/**
 * `GET /containers/:id/archive`: a tar archive of the path, its first entry named by the last part of it. A link is copied
 * as a link, unless `follow` or a trailing slash asks for what it leads to. Every link ends inside the root.
 * `HEAD`, and the header X-Tare-Path-Stat of GET: PathStat as base64url of JSON.
 */
export const ArchiveQuery = closed({
  path: ContainerPath,
  follow: Type.Optional(Type.Boolean()),
});
export type ArchiveQuery = Static<typeof ArchiveQuery>;

/** `PUT /containers/:id/archive`: the body is a tar archive, plain, gzip or zstd, unpacked into a directory that is there. */
export const ExtractQuery = closed({
  path: ContainerPath,
  /** Also a directory in place of a file, and a file in place of a directory; default: refused. */
  overwriteKinds: Type.Optional(Type.Boolean()),
  /** Owners as the archive has them (default: the container's root). */
  keepOwners: Type.Optional(Type.Boolean()),
});
export type ExtractQuery = Static<typeof ExtractQuery>;

export const PathStat = Type.Object({
  name: Type.String(),
  kind: Type.Union(
    (['file', 'directory', 'link', 'fifo', 'device', 'socket'] as const).map((name) => Type.Literal(name)),
  ),
  /** Of a device. */
  device: Type.Optional(Type.Union([Type.Literal('character'), Type.Literal('block')])),
  size: Type.Integer(),
  /** Permission bits, in decimal. */
  mode: Type.Integer(),
  modifiedAt: Type.String(),
  linkTarget: Type.Optional(NoNul),
});
export type PathStat = Static<typeof PathStat>;
