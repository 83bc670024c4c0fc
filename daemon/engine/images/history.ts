/** How an image came to be, as its configuration tells it: the newest step first. */
import type { ImageHistoryEntry } from '../../../shared/api/image.ts';
import type { HistoryEntry } from '../../images/manifest/image-config.ts';
import { findImage, imageConfig, type ImageContext } from './find.ts';
import { layerTable, saneTime, shownName } from './summary.ts';

/** Of layers that no step claims: the configuration has fewer steps than layers. */
const UNTOLD: HistoryEntry = { isEmpty: false };

/** Throws as inspectImage(). */
export async function imageHistory(context: ImageContext, ref: string): Promise<ImageHistoryEntry[]> {
  const { manifest: row } = findImage(context, ref);
  const { history } = await imageConfig(context, row);
  const { sizes } = layerTable(context);
  const claimed = history.filter(({ isEmpty }) => !isEmpty).length;
  const steps = [...history, ...Array<HistoryEntry>(Math.max(row.layers.length - claimed, 0)).fill(UNTOLD)];
  let next = 0;
  const entries = steps.map((step): ImageHistoryEntry => {
    const layer = step.isEmpty ? undefined : row.layers[next++]?.layer;
    return entryOf(step, layer === undefined ? 0 : (sizes.get(layer) ?? 0));
  });
  const [newest, ...others] = entries.toReversed();
  if (newest === undefined) return [];
  const names = context.registry.images.namesOf(row.digest).map(({ name }) => shownName(name));
  return [{ ...newest, id: row.config, names }, ...others];
}

function entryOf({ created, createdBy = '', comment = '' }: HistoryEntry, size: number): ImageHistoryEntry {
  const createdAt = created === undefined ? undefined : saneTime(created);
  return { ...(createdAt === undefined ? {} : { createdAt }), createdBy, size, comment, names: [] };
}
