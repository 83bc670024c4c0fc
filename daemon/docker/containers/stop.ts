/** `POST /containers/{id}/stop`, and how stop and restart are asked for. */
import type { StopRequest } from '../../../shared/api/container.ts';
import { type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { findContainer } from './find.ts';
import { signalOf } from './kill.ts';
import { stopTimeoutOf } from './translate/process.ts';
import { inWords } from './words.ts';

export const stopContainer: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/stop',
  resource: 'container',
  async handle({ engine }, call) {
    const request = stopRequest(call);
    const { id, status, restarting } = findContainer(engine, call.id);
    const isStopped = (status === 'created' || status === 'stopped') && !restarting;
    if (isStopped) return { status: 304 };
    await inWords(engine, id, {}, () => engine.stop(id, request));
    return { status: 204 };
  },
});

/** `t`: seconds; -1 waits for ever. */
export function stopRequest({ query }: Pick<DockerCall, 'query'>): StopRequest {
  const signal = query.text('signal') ?? '';
  const seconds = query.integer('t');
  return {
    ...(signal === '' ? {} : { signal: signalOf(signal) }),
    ...(seconds === undefined ? {} : { timeout: stopTimeoutOf(seconds) }),
  };
}
