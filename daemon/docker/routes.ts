/** The table of the Docker Engine API. */
import type { DockerRoute } from './route.ts';
import { ping, pingHead } from './system/ping.ts';

export const DOCKER_ROUTES: readonly DockerRoute[] = [ping, pingHead];
