/** A client let go of a container by its keys; the container goes on. */
import type { Context } from './context.ts';

export function detached(context: Context, ref: string): void {
  const container = context.containers.find(ref);
  context.journal.commit(() => undefined, { action: 'detach', container: container.row });
}
