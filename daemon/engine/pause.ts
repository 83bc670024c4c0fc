/** Freezes every process of a container, by the freezer of its control group. */
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { freeze, thaw } from './freezer.ts';
import { runOf } from './kill.ts';
import { advanceTo } from './lifecycle.ts';

export async function pause(context: Context, ref: string): Promise<void> {
  const container = context.containers.find(ref);
  await container.turn.run(async () => {
    const run = runOf(container, 'pause');
    await freeze(context, container);
    if (container.run !== run) {
      throw new EngineError('container_not_running', `container ${container.name} has just ended`);
    }
    const status = advanceTo(container.row.status, 'pause', container.name);
    try {
      context.journal.commit(
        (registry) => {
          registry.containers.setStatus(container.id, status);
        },
        { action: 'pause', container: container.row },
      );
    } catch (error) {
      await thaw(context, container);
      throw error;
    }
    container.change({ status });
  });
}
