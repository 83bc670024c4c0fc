/** Swarms: this daemon is in none, and joins none. Clients ask, and go on when they are told so. */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';

/** dockerd's words, though nothing here can be connected to one. */
export const NOT_A_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
const NO_SWARMS = 'tare has no swarms: it runs on one machine, and below an orchestrator on many';

const PATHS: readonly (readonly [DockerRoute['method'], string])[] = [
  ['GET', '/swarm'],
  ['GET', '/swarm/unlockkey'],
  ['POST', '/swarm/init'],
  ['POST', '/swarm/join'],
  ['POST', '/swarm/leave'],
  ['POST', '/swarm/update'],
  ['POST', '/swarm/unlock'],
  ['GET', '/nodes'],
  ['GET', '/nodes/:id'],
  ['DELETE', '/nodes/:id'],
  ['POST', '/nodes/:id/update'],
  ['GET', '/services'],
  ['POST', '/services/create'],
  ['GET', '/services/:id'],
  ['DELETE', '/services/:id'],
  ['POST', '/services/:id/update'],
  ['GET', '/services/:id/logs'],
  ['GET', '/tasks'],
  ['GET', '/tasks/:id'],
  ['GET', '/tasks/:id/logs'],
  ['GET', '/secrets'],
  ['POST', '/secrets/create'],
  ['GET', '/secrets/:id'],
  ['DELETE', '/secrets/:id'],
  ['POST', '/secrets/:id/update'],
  ['GET', '/configs'],
  ['POST', '/configs/create'],
  ['GET', '/configs/:id'],
  ['DELETE', '/configs/:id'],
  ['POST', '/configs/:id/update'],
];

export const swarm: readonly DockerRoute[] = PATHS.map(([method, path]) =>
  dockerRoute({
    method,
    path,
    handle() {
      throw new DockerError(503, path.startsWith('/swarm/') ? NO_SWARMS : NOT_A_MANAGER);
    },
  }),
);
