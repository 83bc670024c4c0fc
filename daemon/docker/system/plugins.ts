/** Plugins: there are none. */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';

const NONE = 'plugins are not offered';

export const listPlugins: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/plugins',
  handle: () => ({ status: 200, json: [] }),
});

export const pluginPrivileges: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/plugins/privileges',
  handle() {
    throw new DockerError(501, NONE);
  },
});

export const pluginInspect: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/plugins/:id+/json',
  handle(_docker, { id }) {
    throw new DockerError(404, `plugin "${id.slice(0, 128)}" not found`);
  },
});

export const pluginPull: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/plugins/pull',
  handle() {
    throw new DockerError(501, NONE);
  },
});
