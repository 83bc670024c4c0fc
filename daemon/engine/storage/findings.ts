/** What a check of all that is stored may find: of the store of images (daemon/images/store/findings.ts), and the rest. */
import type { SystemCheckResponse } from '../../../shared/api/storage.ts';
import type { FindingKind } from '../../images/store/findings.ts';

export type SystemFinding = SystemCheckResponse['findings'][number];

/** One sentence each, for who reads it; what is done about it with `repair` stands behind the semicolon. */
export const DETAILS = {
  blob_missing: 'its file is gone; the next pull or load fetches it',
  blob_wrong_size: 'its file has not the recorded size; the file is deleted, the next pull or load fetches it',
  blob_damaged: 'its file is not what the digest says; the file is deleted, the next pull or load fetches it',
  blob_lost: 'it is known to be lost; the next pull or load fetches it',
  layer_missing: 'its directory is gone; it is unpacked again',
  layer_lost: 'it is known to be lost; it is unpacked again',
  manifest_disagrees: 'its document names other content than the registry; pull or load the image again',
  blob_unrecorded: 'a file that the registry does not know; it is recorded where an image misses it, else deleted',
  layer_unrecorded: 'a directory that the registry does not know; it is deleted',
  part_abandoned: 'the beginning of a blob that nobody fetches; it is deleted',
  temporary: 'left by a daemon that was killed; it is deleted',
  foreign: 'nothing of this daemon has that name; it is left alone',
  open_mode: 'others may read it; its mode is set',
  registry_damaged: 'the database is not sound; restore it from a copy',
  container_directory_missing: 'its directory is gone; remove the container',
  container_unrecorded: 'the directory of a container that the registry does not know; it is deleted',
  volume_directory_missing: 'its directory is gone, and what was in it; it is made anew, empty',
  volume_unrecorded: 'the directory of a volume that the registry does not know; it becomes a volume again',
} as const satisfies Record<FindingKind, string> & Record<string, string>;

export type SystemFindingKind = keyof typeof DETAILS;

/** `mend`: undefined where it is not asked for, or there is nothing that can be done. */
export function systemFinding(
  kind: SystemFindingKind,
  what: string,
  mend: (() => unknown) | undefined,
  detail: string = DETAILS[kind],
): SystemFinding {
  mend?.();
  return { kind, what, detail, repaired: mend !== undefined, images: [] };
}
