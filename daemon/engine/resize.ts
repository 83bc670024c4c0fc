/** Sets the size of a container's terminal. */
import type { ResizeRequest } from '../../shared/api/exec.ts';
import { ShimRefusal } from '../shim/types.ts';
import type { Container, Run } from './container.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { runOf, shimError } from './kill.ts';

const ENOTTY = 25;

export async function resize(context: Context, ref: string, size: ResizeRequest): Promise<void> {
  const container = context.containers.find(ref);
  await container.turn.run(() => resizeProcess(container, runOf(container, 'resize'), '', size));
  const detail = `${String(size.rows)} ${String(size.columns)}`;
  context.journal.commit(() => undefined, { action: 'resize', container: container.row, detail });
}

/** `process`: "" or an exec's id. Throws `not_a_terminal`. */
export async function resizeProcess(
  container: Container,
  run: Run,
  process: string,
  size: ResizeRequest,
): Promise<void> {
  try {
    await run.shim.resize(process, size.rows, size.columns);
  } catch (error) {
    if (!(error instanceof ShimRefusal && error.errno === ENOTTY)) throw shimError(error, container);
    const name = process === '' ? `container ${container.name}` : `exec ${process.slice(0, 12)}`;
    throw new EngineError('not_a_terminal', `${name} has no terminal`, { cause: error });
  }
}
