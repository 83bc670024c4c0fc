/** `/_ping`: whether somebody answers; the headers, which every answer has, say who. */
import { type DockerRoute, dockerRoute } from '../route.ts';

const HEADERS = { 'cache-control': 'no-cache, no-store, must-revalidate', pragma: 'no-cache' };

export const ping: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/_ping',
  handle: () => ({ status: 200, headers: HEADERS, text: 'OK' }),
});

export const pingHead: DockerRoute = dockerRoute({
  method: 'HEAD',
  path: '/_ping',
  handle: () => ({
    status: 200,
    headers: { ...HEADERS, 'content-type': 'text/plain; charset=utf-8', 'content-length': '0' },
  }),
});
