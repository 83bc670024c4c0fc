/** A user ends a container: its restart policy leaves it so, and that outlives this daemon. */
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';

/**
 * In the container's turn, before it is signalled. Where it waits for its next start it waits no more, and those who wait
 * for it to be stopped are told. `event`: what is told of that.
 *
 * @returns whether it waited; then there is nothing to be signalled
 */
export function endedByUser(context: Context, container: Container, event?: 'stop'): boolean {
  const { row, run } = container;
  if (run !== undefined) run.endedByUser = true;
  const waited = context.restarts.callOff(container);
  // without a policy it is enough that the end records it
  if (row.restart.name !== 'no' && (waited || run !== undefined) && !row.stoppedByUser) {
    context.journal.commitEnd(
      (registry) => {
        registry.containers.setStoppedByUser(row.id);
      },
      ...(waited && event !== undefined ? [{ action: event, container: row }] : []),
    );
    container.change({ stoppedByUser: true });
  }
  if (waited && row.exit !== null) container.tell({ is: 'exited', exit: row.exit });
  return waited;
}
