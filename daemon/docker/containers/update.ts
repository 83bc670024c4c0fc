/** `POST /containers/{id}/update` */
import type { EngineError } from '../../engine/errors.ts';
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { findContainer } from './find.ts';
import { RESOURCES, restartPolicy } from './translate/create-body.ts';
import { restartOf } from './translate/duties.ts';
import { struct } from './translate/go-json.ts';
import { limitsOf } from './translate/resources.ts';
import { inWords } from './words.ts';

const updateBody = struct('container.UpdateConfig', { ...RESOURCES, RestartPolicy: restartPolicy });

export const updateContainer: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/update',
  resource: 'container',
  async handle({ engine }, call) {
    const { id } = findContainer(engine, call.id);
    const resources = updateBody.read(call.body, '') ?? {};
    const warnings: string[] = [];
    const limits = limitsOf({ resources, host: () => engine.info(), warnings, isUpdate: true });
    const restart = restartOf(resources);
    if (limits !== undefined || restart !== undefined) {
      const request = { ...(limits === undefined ? {} : { limits }), ...(restart === undefined ? {} : { restart }) };
      await inWords(engine, id, { invalid_field: cannotUpdate }, () => engine.update(id, request));
    }
    return { status: 200, json: { Warnings: warnings.length === 0 ? null : warnings } };
  },
});

function cannotUpdate(id: string, error: EngineError): DockerError {
  const cannot = `Cannot update container ${id}: `;
  if (error.field === 'limits.memorySwap') {
    return new DockerError(
      409,
      `${cannot}Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time`,
    );
  }
  if (error.field === 'restart') {
    return new DockerError(
      409,
      `${cannot}Restart policy cannot be updated because AutoRemove is enabled for the container`,
    );
  }
  return new DockerError(400, cannot + error.message, { cause: error });
}
