/** What a health check may ask for: that an unhealthy container is restarted. */
import type { Container, Run } from '../container.ts';
import type { Context } from '../context.ts';
import { restartAgain } from '../restart.ts';

/** With its own stop signal and time. A failure nobody can be told of but the log. */
export async function restartUnhealthy(context: Context, container: Container, run: Run): Promise<void> {
  // ended or on its way to that: whoever did it says what follows
  if (container.run !== run || run.ending || run.stopAsked) return;
  try {
    context.log.info({ container: container.id }, 'the container is unhealthy: it is restarted, as its check says');
    await restartAgain(context, container);
  } catch (error) {
    context.log.error({ err: error, container: container.id }, 'an unhealthy container could not be restarted');
  }
}
