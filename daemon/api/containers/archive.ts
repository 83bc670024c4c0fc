import { ArchiveQuery, ExtractQuery } from '../../../shared/api/files.ts';
import { type ErrorCode } from '../../engine/errors.ts';
import { answerRoute, downloadRoute } from '../route.ts';

const path = '/v1/containers/:id/archive';
const tag = 'containers';

/** PathStat as base64url of JSON. */
const STAT_HEADER = 'x-tare-path-stat';

const ERRORS = [
  'container_not_found',
  'ambiguous_reference',
  'container_busy',
  'container_removing',
  'path_not_found',
  'not_a_directory',
  'unsupported',
  'kernel_refused',
  'shutting_down',
] as const satisfies readonly ErrorCode[];

export const readArchive = downloadRoute({
  method: 'GET',
  path,
  tag,
  summary: 'Copy files out of a container',
  description:
    'A tar archive of what is at the path, its first entry named by the last part of it. Links are copied as links, unless `follow` is true or the path ends with a slash; none leads out of the container. It may run or not. What it is is told by the header X-Tare-Path-Stat as well: base64url of JSON with `name`, `kind`, `size`, `mode`, `modifiedAt`, of a device `device` ("character" or "block") and, of a link, `linkTarget`. Sockets are left out, and so is what /proc, /sys and the like hold.',
  query: ArchiveQuery,
  contentType: 'application/x-tar',
  errors: ERRORS,
  open: (api, call) => api.engine.readArchive(call.id, call.query, call.signal),
});

export const statPath = answerRoute({
  method: 'HEAD',
  path,
  tag,
  summary: 'Tell what is at a path in a container',
  description: 'The header X-Tare-Path-Stat, as GET has it.',
  query: ArchiveQuery,
  status: 200,
  errors: ERRORS,
  answer: async (api, call) => {
    const stat = await api.engine.statPath(call.id, call.query, call.signal);
    call.reply.header(STAT_HEADER, Buffer.from(JSON.stringify(stat)).toString('base64url'));
  },
});

export const extractArchive = answerRoute({
  method: 'PUT',
  path,
  tag,
  summary: 'Copy files into a container',
  description:
    'The body is a tar archive, plain or compressed with gzip or zstd, which is unpacked into the directory at the path. It may run or not. Files belong to the root of the container, unless `keepOwners` is true. What is there is replaced, but for a directory by something else or something else by a directory: that takes `overwriteKinds`. A client that sends `Expect: 100-continue`, and promises by the header `X-Tare-Body: waits` that it sends nothing of the body before the daemon answers `100 Continue`, has large archives taken in less time; the connection ends after the answer then.',
  upload: true,
  direct: true,
  query: ExtractQuery,
  status: 204,
  errors: [...ERRORS, 'path_is_busy', 'path_read_only', 'archive_invalid', 'disk_full'],
  answer: (api, call) => api.engine.extractArchive(call.id, call.query, call.direct ?? call.upload, call.signal),
});
