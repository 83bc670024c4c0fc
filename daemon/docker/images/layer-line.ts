/** What the engine tells of a layer, as a line of Docker's. */
import type { Progress } from '../../../shared/api/image.ts';
import type { Line } from '../streams/json-lines.ts';
import { barText } from '../streams/progress-bar.ts';

/** Characters of a digest that are shown. */
const SHORT = 12;

export function shortId(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, SHORT);
}

/** Undefined for what Docker has no word for. */
export function layerLine(
  { status, layer, current, total }: Progress,
  words: Readonly<Partial<Record<NonNullable<Progress['status']>, string>>>,
): Line | undefined {
  const word = status === undefined ? undefined : words[status];
  if (word === undefined || layer === undefined) return undefined;
  const id = shortId(layer);
  if (current === undefined || total === undefined) return { status: word, progressDetail: {}, id };
  return { status: word, progressDetail: { current, total }, progress: barText(current, total), id };
}
