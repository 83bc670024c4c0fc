/** `POST /exec/{id}/resize`, `POST /containers/{id}/resize` */
import type { ResizeRequest } from '../../../shared/api/exec.ts';
import { inWords } from '../containers/words.ts';
import { DockerError } from '../error.ts';
import { EngineError } from '../../engine/errors.ts';
import type { DockerQuery } from '../query.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { EXEC_TEXTS } from './texts.ts';

export const resizeExec: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/exec/:id/resize',
  audited: false,
  texts: EXEC_TEXTS,
  async handle({ engine }, { id, query }) {
    const size = sizeOf(query);
    await unlessNoTerminal(() => engine.resizeExec(id, size));
    return { status: 200 };
  },
});

export const resize: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/resize',
  resource: 'container',
  audited: false,
  async handle({ engine }, { id, query }) {
    const size = sizeOf(query);
    await inWords(engine, id, {}, () => unlessNoTerminal(() => engine.resize(id, size)));
    return { status: 200 };
  },
});

/** dockerd takes a size for what has no terminal, and does nothing with it. */
async function unlessNoTerminal(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'not_a_terminal')) throw error;
  }
}

/** Throws DockerError 400. */
export function sizeOf(query: DockerQuery): ResizeRequest {
  return { rows: extent(query.text('h') ?? ''), columns: extent(query.text('w') ?? '') };
}

function extent(text: string): number {
  if (!/^\+?[0-9]{1,9}$/.test(text)) {
    throw new DockerError(400, `strconv.Atoi: parsing ${JSON.stringify(text.slice(0, 64))}: invalid syntax`);
  }
  // a client without a terminal of its own sends 0; the kernel has 16 bits
  return Math.min(Math.max(Number(text), 1), 65_535);
}
