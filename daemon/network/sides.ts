/** A network namespace as the host and a container of it are dealt with: where things are moved from, and to. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { Rtnetlink } from './rtnetlink/connection.ts';

export interface Side {
  readonly connection: Rtnetlink;
  /** Descriptor of the network namespace. */
  readonly namespace: number;
}

export interface Sides {
  readonly host: Side;
  readonly container: Side;
  /** It is one namespace: nothing can be moved, and what is made would be the host's. */
  readonly isOne: boolean;
  readonly close: () => void;
}

/** This thread's namespace, and that of the process `pid`. Throws SystemError, or as open(2) where there is no such process. */
export function openSides(pid: number): Sides {
  const close: (() => void)[] = [];
  const closeAll = (): void => {
    for (const step of close.splice(0).toReversed()) step();
  };
  const side = (path: string, isOwn: boolean): Side => {
    const namespace = openSync(path, 'r');
    close.push(() => {
      closeSync(namespace);
    });
    const connection = Rtnetlink.open(isOwn ? undefined : namespace);
    close.push(() => {
      connection.close();
    });
    return { connection, namespace };
  };
  try {
    const host = side('/proc/thread-self/ns/net', true);
    const container = side(`/proc/${String(pid)}/ns/net`, false);
    const [ours, theirs] = [fstatSync(host.namespace), fstatSync(container.namespace)];
    return { host, container, isOne: ours.ino === theirs.ino && ours.dev === theirs.dev, close: closeAll };
  } catch (error) {
    closeAll();
    throw error;
  }
}
