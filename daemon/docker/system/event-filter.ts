/** Which events a client wants. */
import { type Filters, admitsLabels } from '../filters.ts';
import type { DockerEvent } from './event-shape.ts';

export const EVENT_FILTERS = [
  'config',
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
] as const;

export function eventFilter(filters: Filters): (event: DockerEvent) => boolean {
  const any = (key: string, fits: (value: string) => boolean): boolean => {
    const values = filters.get(key);
    return values === undefined || values.length === 0 || values.some(fits);
  };
  const isOf = (type: string, { Type, Actor }: DockerEvent, value: string): boolean =>
    // of the name the beginning is enough, as of the id: dockerd's match is as loose
    Type === type && (Actor.ID.startsWith(value) || Actor.Attributes.name?.startsWith(value) === true);
  return (event) =>
    any('event', (action) => event.Action === action || event.Action.startsWith(`${action}:`)) &&
    any('type', (type) => event.Type === type) &&
    any('scope', (scope) => scope === 'local') &&
    any('container', (value) => isOf('container', event, value)) &&
    any('network', (value) => isOf('network', event, value)) &&
    any('volume', (value) => isOf('volume', event, value)) &&
    any('image', (value) => isOfImage(event, value)) &&
    // nothing here has to do with what only swarms and plugins have
    ['config', 'daemon', 'node', 'plugin', 'secret', 'service'].every((key) => any(key, () => false)) &&
    admitsLabels(event.Actor.Attributes, filters);
}

/** An image, or what is made of it: by its name with its tag, its repository alone, or its id. */
function isOfImage({ Type, Actor }: DockerEvent, value: string): boolean {
  const { image, name } = Actor.Attributes;
  const called = Type === 'container' ? image : Type === 'image' ? (name ?? Actor.ID) : undefined;
  if (called === undefined) return false;
  return (
    called === value || called.replace(/:[^:/]*$/, '') === value || (Type === 'image' && Actor.ID.startsWith(value))
  );
}
