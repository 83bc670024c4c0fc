/** What lists show of an image. */
import type { ImageSummary } from '../../../shared/api/image.ts';
import { InvalidTime, formatTime, parseTime } from '../../../shared/time.ts';
import type { ImageConfig } from '../../images/manifest/image-config.ts';
import { platformText } from '../../images/manifest/platform.ts';
import { familiarName, familiarText, parseReference } from '../../images/reference.ts';
import type { ImageRow, ManifestRow } from '../../registry/images.ts';
import { EngineError } from '../errors.ts';
import { imageConfig, platformOf, type ImageContext } from './find.ts';

/** Bytes of unpacked layers, and which images have them. */
export interface LayerTable {
  readonly sizes: ReadonlyMap<string, number>;
  /** Ids of the images that have the layer. */
  readonly images: ReadonlyMap<string, ReadonlySet<string>>;
}

export function layerTable({ registry }: Pick<ImageContext, 'registry'>): LayerTable {
  const images = new Map<string, Set<string>>();
  for (const { config, layers } of registry.images.manifests()) {
    for (const { layer } of layers) {
      const ids = images.get(layer) ?? new Set();
      images.set(layer, ids.add(config));
    }
  }
  return { sizes: new Map(registry.imageContent.layers().map(({ id, size }) => [id, size])), images };
}

/** Bytes of its layers, each counted once; `shared`: of these, what other images have too. */
export function sizeOf(table: LayerTable, { layers }: Pick<ManifestRow, 'layers'>): { size: number; shared: number } {
  let [size, shared] = [0, 0];
  for (const id of new Set(layers.map(({ layer }) => layer))) {
    const bytes = table.sizes.get(id) ?? 0;
    size += bytes;
    if ((table.images.get(id)?.size ?? 0) > 1) shared += bytes;
  }
  return { size, shared };
}

/** Shown also where its configuration cannot be read: then what that says is left out. */
export async function summaryOf(context: ImageContext, table: LayerTable, row: ManifestRow): Promise<ImageSummary> {
  const config = await readableConfig(context, row);
  const names = context.registry.images.namesOf(row.digest);
  const { size, shared } = sizeOf(table, row);
  const createdAt = createdAtOf(config);
  return {
    id: row.config,
    manifest: row.digest,
    names: names.map(({ name }) => shownName(name)),
    digests: digestsOf(names),
    platform: platformText(platformOf(row)),
    ...(createdAt === undefined ? {} : { createdAt }),
    storedAt: row.createdAt,
    size,
    sharedSize: shared,
    containers: context.registry.images.usersOf(row.digest).length,
    labels: config?.run.labels ?? {},
  };
}

/** undefined where it is lost or damaged, which "tare system check" tells of. */
export async function readableConfig(context: ImageContext, row: ManifestRow): Promise<ImageConfig | undefined> {
  try {
    return await imageConfig(context, row);
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

/** When it was built; undefined where it says nothing, or nothing sensible. */
export function createdAtOf(config: ImageConfig | undefined): string | undefined {
  return config?.created === undefined ? undefined : saneTime(config.created);
}

/** A time that a stranger wrote, as the API writes times; undefined where it is none. */
export function saneTime(text: string): string | undefined {
  try {
    return formatTime(parseTime(text));
  } catch (error) {
    if (error instanceof InvalidTime) return undefined;
    throw error;
  }
}

/** Of a row's name, as people write it: "debian:12". */
export function shownName(canonical: string): string {
  return familiarText(parseReference(canonical));
}

/** "debian@sha256:…", each once: what registries call it. */
function digestsOf(names: readonly ImageRow[]): string[] {
  const shared = names.filter(({ isShared }) => isShared);
  return [...new Set(shared.map(({ name, target }) => `${familiarName(parseReference(name))}@${target}`))];
}
