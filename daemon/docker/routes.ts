/** The table of the Docker Engine API. */
import { attach } from './containers/attach.ts';
import { createExec } from './execs/create.ts';
import { inspectExec } from './execs/inspect.ts';
import { resize, resizeExec } from './execs/resize.ts';
import { startExec } from './execs/start.ts';
import type { DockerRoute } from './route.ts';
import { ping, pingHead } from './system/ping.ts';

export const DOCKER_ROUTES: readonly DockerRoute[] = [
  ping,
  pingHead,
  attach,
  resize,
  createExec,
  startExec,
  inspectExec,
  resizeExec,
];
