/** Thaws a paused container. */
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { thaw } from './freezer.ts';
import { runOf } from './kill.ts';
import { advanceTo } from './lifecycle.ts';

export async function resume(context: Context, ref: string): Promise<void> {
  const container = context.containers.find(ref);
  await container.turn.run(async () => {
    const run = runOf(container, 'resume');
    await thaw(context, container);
    if (container.run !== run) {
      throw new EngineError('container_not_running', `container ${container.name} has just ended`);
    }
    const status = advanceTo(container.row.status, 'resume', container.name);
    context.journal.commit(
      (registry) => {
        registry.containers.setStatus(container.id, status);
      },
      { action: 'unpause', container: container.row },
    );
    container.change({ status });
  });
}
