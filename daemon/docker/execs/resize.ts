/** `POST /exec/{id}/resize`, `POST /containers/{id}/resize` */
import { DockerError } from '../error.ts';
import { type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { EXEC_TEXTS } from './texts.ts';

export const resizeExec: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/exec/:id/resize',
  audited: false,
  texts: EXEC_TEXTS,
  async handle({ engine }, call) {
    await engine.resizeExec(call.id, sizeOf(call));
    return { status: 200 };
  },
});

export const resize: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/resize',
  resource: 'container',
  audited: false,
  texts: {
    container_not_running: (_error, named) => new DockerError(409, `Container ${named} is not running`),
    not_a_terminal: () => new DockerError(500, 'cannot resize a process without a terminal'),
  },
  async handle({ engine }, call) {
    await engine.resize(call.id, sizeOf(call));
    return { status: 200 };
  },
});

function sizeOf({ query }: DockerCall): { rows: number; columns: number } {
  return { rows: extent(query.integer('h'), 'h'), columns: extent(query.integer('w'), 'w') };
}

function extent(value: number | undefined, name: string): number {
  if (value === undefined || value < 0 || value > 65_535) {
    throw new DockerError(400, `invalid value for ${name}: from 0 to 65535 is expected`);
  }
  // a client without a terminal of its own sends 0
  return Math.max(value, 1);
}
