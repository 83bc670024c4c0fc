/** A start that nobody asked for but the restart policy. One that fails is not tried again, as with Docker. */
import type { Container, NextStart } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { startInTurn } from '../start.ts';
import type { Tried } from './restarts.ts';

export async function startAgain(context: Context, container: Container, next: NextStart): Promise<Tried> {
  return container.turn.run(async () => {
    // called off, started by its user or removed meanwhile
    if (container.nextStart !== next) return 'done';
    try {
      await startInTurn(context, container, next.isNew ? 0 : container.row.restartCount + 1);
      return 'done';
    } catch (error) {
      context.log.warn({ err: error, container: container.id }, 'a container could not be started again');
      if (container.nextStart === next) notAnyMore(container);
      return error instanceof EngineError && error.code === 'container_not_running' ? 'too_early' : 'done';
    } finally {
      // its end, which may have come already, has set another
      if (container.nextStart === next) container.nextStart = undefined;
    }
  });
}

/** Those who wait for it to be stopped are told the end that it had. */
export function notAnyMore(container: Container): void {
  container.nextStart = undefined;
  const { exit } = container.row;
  if (exit !== null) container.tell({ is: 'exited', exit });
}
