/** `GET /version` */
import { type DockerRoute, dockerRoute } from '../route.ts';
import { NEWEST, OLDEST, versionText } from '../versions.ts';
import { architecture } from './host.ts';

export const version: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/version',
  handle({ engine }) {
    const { version: tare, kernel, node, ociVersion } = engine.version();
    const api = versionText(NEWEST);
    const least = versionText(OLDEST);
    return {
      status: 200,
      json: {
        Platform: { Name: 'tare' },
        Components: [
          {
            Name: 'Engine',
            Version: tare,
            Details: {
              ApiVersion: api,
              MinAPIVersion: least,
              Os: 'linux',
              Arch: architecture(),
              KernelVersion: kernel,
              Experimental: 'false',
              GoVersion: `node${node}`,
              OciVersion: ociVersion,
            },
          },
        ],
        Version: tare,
        ApiVersion: api,
        MinAPIVersion: least,
        GitCommit: '',
        // no Go in it, but clients print it
        GoVersion: `node${node}`,
        Os: 'linux',
        Arch: architecture(),
        KernelVersion: kernel,
        BuildTime: '',
      },
    };
  },
});
