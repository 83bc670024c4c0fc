/** The body of `POST /containers/create` as a CreateRequest of the engine. */
import { CreateRequest } from '../../../../shared/api/container.ts';
import { validator } from '../../../api/validation.ts';
import { EngineError } from '../../../engine/errors.ts';
import { DockerError } from '../../error.ts';
import type { CreateBody } from './create-body.ts';
import { devicesOf } from './devices.ts';
import { healthcheckOf, logOf, restartOf } from './duties.ts';
import type { Knows } from './host.ts';
import { mountsOf } from './mounts.ts';
import { namespacesOf } from './namespaces.ts';
import { networkingOf } from './networking.ts';
import { processOf } from './process.ts';
import { plain, refuse } from './refuse.ts';
import { limitsOf } from './resources.ts';
import { securityOf } from './security.ts';

export interface Asked {
  readonly body: CreateBody;
  /** Of the query; undefined: one is chosen. */
  readonly name: string | undefined;
  readonly platform: string | undefined;
  /** Of the API: 51 is 1.51. */
  readonly version: number;
}

export interface Translated {
  readonly request: CreateRequest;
  readonly warnings: readonly string[];
}

/** As the names of containers with Docker: two characters at least. */
export const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

const validate = validator(CreateRequest);

/**
 * What the engine cannot do is refused by its name; what dockerd discards with a warning is discarded with it. What comes
 * out is a request as the native API would take it.
 *
 * @throws DockerError 400
 */
export function createRequest({ body, name, platform, version }: Asked, knows: Knows): Translated {
  const warnings: string[] = [];
  const { HostConfig: host = {}, Image: image = '' } = body;
  if (Object.keys(body).length === 0) refuse('Config cannot be empty in order to create a container');
  if (image === '') refuse('no image specified');
  const asked = name?.replace(/^\//, '') ?? '';
  if (asked !== '' && !NAME.test(asked)) {
    refuse(`Invalid container name (${plain(name ?? '')}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  }
  const restart = restartOf(host);
  const healthcheck = healthcheckOf(body);
  const limits = limitsOf({ resources: host, host: () => knows.host(), warnings, isUpdate: false });
  const request: CreateRequest = {
    image,
    ...(platform === undefined || platform === '' ? {} : { platform }),
    ...(asked === '' ? {} : { name: asked }),
    ...processOf(body),
    ...(restart === undefined ? {} : { restart }),
    ...(healthcheck === undefined ? {} : { healthcheck }),
    ...(limits === undefined ? {} : { limits }),
    ...securityOf(host, warnings),
    ...devicesOf(host, knows),
    ...namespacesOf(body, knows),
    ...mountsOf(body, knows),
    ...networkingOf(body, version, knows, warnings),
    log: logOf(host, warnings),
  };
  check(request);
  return { request, warnings };
}

/** The bounds of the native API hold here too. */
function check(request: CreateRequest): void {
  try {
    validate(request);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new DockerError(400, error.message, { cause: error });
  }
}
