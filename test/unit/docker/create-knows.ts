/** What translations ask of the host, answered from a table. */
import type { Knows } from '../../../daemon/docker/containers/translate/host.ts';
import { readCreateBody } from '../../../daemon/docker/containers/translate/create-body.ts';
import { createRequest, type Translated } from '../../../daemon/docker/containers/translate/create-request.ts';
import { DockerError } from '../../../daemon/docker/error.ts';

export const OTHER = 'f'.repeat(64);

export const KNOWS: Knows = {
  host: () => ({ cpus: 2, features: { ioWeight: { available: false, reason: 'none' } } }),
  exists: (path) => path.startsWith('/there') || path === '/dev/null',
  devicesBelow: (path) => (path === '/there/devices' ? ['/there/devices/a', '/there/devices/b/c'] : undefined),
  mountsOf: () => [
    { type: 'bind', source: '/there/of-other', target: '/other' },
    { type: 'volume', source: 'shared', target: '/shared' },
  ],
  container: (ref) => {
    if (ref !== 'other') throw new DockerError(400, `No such container: ${ref}`);
    return { id: OTHER, name: 'other' };
  },
};

/** `body` beside an image. */
export function translate(body: Record<string, unknown>, version = 51): Translated {
  const read = readCreateBody({ Image: 'busybox', ...body });
  return createRequest({ body: read, name: undefined, platform: undefined, version }, KNOWS);
}
