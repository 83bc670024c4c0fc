/** Another policy: one that waits for its next start goes on waiting only where that policy would have it wait. */
import type { RestartPolicy } from '../../../shared/api/container.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { followsEnd } from './policy.ts';

/** In the container's turn; it is committed. */
export function changePolicy(context: Context, container: Container, restart: RestartPolicy): void {
  container.change({ restart });
  const { row, nextStart } = container;
  if (nextStart === undefined || followsEnd(restart, row)) return;
  context.restarts.callOff(container);
  if (row.exit !== null) container.tell({ is: 'exited', exit: row.exit });
}
