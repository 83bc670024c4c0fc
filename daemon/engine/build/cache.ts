/** Steps that were done before: the same step on the same image makes the same. */
import { createHash } from 'node:crypto';
import { platformText } from '../../images/manifest/platform.ts';
import { type BuiltImage, readImage } from './image.ts';
import type { Session } from './session.ts';
import type { Stage } from './stage.ts';

/** Of the form of keys; another finds none of the former. */
const VERSION = 1;

/** `what`: all that the step's result depends on beside the image that it begins with. */
export function stepKey({ platform }: Pick<Session, 'platform'>, { image }: Pick<Stage, 'image'>, what: unknown): string {
  const all = [VERSION, image.row?.digest ?? '', platformText(platform), what];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}

/** Undefined: it is to be done. */
export async function cachedStep(session: Session, key: string): Promise<BuiltImage | undefined> {
  const { context, query, work } = session;
  if (query.noCache === true) return undefined;
  const digest = context.registry.buildSteps.find(key);
  if (digest === undefined) return undefined;
  const row = context.registry.images.manifest(digest);
  if (row === undefined) return undefined;
  work.lease.hold(row.digest as `sha256:${string}`);
  // a step whose content was lost, or that was pruned just now, is done again
  const { contents } = context.images.store;
  const isWhole = [row.digest, row.config].every((each) => contents.has(each as `sha256:${string}`));
  const { imageContent } = context.registry;
  const isUnpacked = row.layers.every(({ layer }) => imageContent.layer(layer as `sha256:${string}`)?.state === 'ready');
  return isWhole && isUnpacked ? readImage(session, row) : undefined;
}
