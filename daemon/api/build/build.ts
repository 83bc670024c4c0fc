import { BuildQuery, BuildResponse } from '../../../shared/api/build.ts';
import { REGISTRY_ERRORS } from '../images/registry-auth.ts';
import { progressRoute } from '../route.ts';
import { registryConfigOf } from './registry-config.ts';

export const buildImage = progressRoute({
  method: 'POST',
  path: '/v1/build',
  tag: 'images',
  summary: 'Build an image of a Dockerfile',
  description:
    'The body is the context, with the Dockerfile in it, as a tar archive, plain or compressed with gzip or zstd. A client that accepts NDJSON or SSE is told the steps and what their commands print (`output`), and how pulls of base images go on. Credentials for these come in the header X-Registry-Config, as Docker has it: base64 of JSON, AuthConfig by name of registry. Every step is an image without a name, which the next build finds again.',
  upload: true,
  query: BuildQuery,
  result: BuildResponse,
  errors: [
    ...REGISTRY_ERRORS,
    'dockerfile_invalid',
    'build_failed',
    'unsupported',
    'archive_invalid',
    'image_not_found',
    'ambiguous_reference',
    'no_such_platform',
    'manifest_invalid',
    'image_unsupported',
    'image_too_large',
    'network_not_found',
    'layer_invalid',
    'launch_failed',
    'command_not_found',
    'command_not_executable',
    'host_lacks_feature',
    'kernel_refused',
    'store_damaged',
    'disk_full',
    'shutting_down',
  ],
  run: (api, call, _report, tell) =>
    api.engine.buildImage(call.upload, call.query, registryConfigOf(call.request), tell, call.signal),
});
