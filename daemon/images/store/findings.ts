/** What `check()` may find. */

/**
 * | kind | severity | meaning | repair |
 * |---|---|---|---|
 * | blob_missing | damage | a row says it is there, and there is no file | the row says so; the next pull fetches it |
 * | blob_wrong_size | damage | the file has not the recorded size | the file goes, as above |
 * | blob_damaged | damage | the file is not what its digest says | the file goes, as above |
 * | blob_lost | damage | known to be missing, and an image has need of it | none but to pull or load the image again |
 * | layer_missing | damage | a row says it is unpacked, and there is no directory | the row says so; unpacked at next need |
 * | manifest_disagrees | damage | its document names other content than its rows | none but to pull or load it again |
 * | blob_unrecorded | leftover | a file without a row | recorded where an image misses it and it is sound, else deleted |
 * | layer_unrecorded | leftover | a directory without a row | deleted |
 * | part_abandoned | leftover | the beginning of a blob that nobody fetches or may resume | deleted |
 * | temporary | leftover | what was being made or deleted when the daemon was killed | deleted |
 * | foreign | leftover | a name in the store's directories that is not of the store | left alone |
 * | open_mode | damage | a directory or blob of the store that others may read | its mode is set |
 *
 * Damage is what may hurt an image, or show it to others; leftovers only take space.
 */
export const FINDING_KINDS = [
  'blob_missing',
  'blob_wrong_size',
  'blob_damaged',
  'blob_lost',
  'layer_missing',
  'manifest_disagrees',
  'blob_unrecorded',
  'layer_unrecorded',
  'part_abandoned',
  'temporary',
  'foreign',
  'open_mode',
] as const;

export type FindingKind = (typeof FINDING_KINDS)[number];

const LEFTOVERS: ReadonlySet<FindingKind> = new Set([
  'blob_unrecorded',
  'layer_unrecorded',
  'part_abandoned',
  'temporary',
  'foreign',
]);

export interface Finding {
  readonly kind: FindingKind;
  readonly severity: 'damage' | 'leftover';
  /** A digest, or a path below the daemon's root directory. */
  readonly subject: string;
  /** Names of the images that have need of it. */
  readonly images: readonly string[];
  readonly isRepaired: boolean;
}

/** `repair`: undefined where it is not asked for, or there is none. */
export async function finding(
  kind: FindingKind,
  subject: string,
  images: readonly string[],
  repair: (() => unknown) | undefined,
): Promise<Finding> {
  await repair?.();
  const severity = LEFTOVERS.has(kind) ? 'leftover' : 'damage';
  return { kind, severity, subject, images, isRepaired: repair !== undefined };
}
