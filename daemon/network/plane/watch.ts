/** Being told of links that cease to be: the veths of containers that have ended. */
import { RTM_DELLINK } from '../rtnetlink/links.ts';
import { monitorNetwork } from '../rtnetlink/monitor.ts';
import type { NetworkLog } from '../types.ts';

export interface LinkEvents {
  /** A link of this name is no more in this namespace: deleted, or moved to another. */
  removed(name: string): void;
  /** More has happened than there was room to tell: list the links, and compare. */
  lost(): void;
}

/**
 * Told of everything from the moment that this returns: who lists the links afterwards misses none.
 *
 * @throws SystemError
 */
export function watchLinks(events: LinkEvents, log: NetworkLog, namespace?: number): { close(): void } {
  return monitorNetwork(
    ['links'],
    {
      changed: (event) => {
        if ('link' in event && event.isGone) events.removed(event.link.name);
      },
      lost: () => events.lost(),
      failed: (error) => log.error({ err: error }, 'links cannot be watched any more'),
    },
    // Every veth that comes is told of five times and more, while a container waits for it.
    { namespace, onlyType: RTM_DELLINK },
  );
}
