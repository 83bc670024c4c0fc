import { RenameRequest } from '../../../shared/api/container.ts';
import { answerRoute } from '../route.ts';

export const rename = answerRoute({
  method: 'POST',
  path: '/v1/containers/:id/rename',
  tag: 'containers',
  summary: 'Rename a container',
  body: RenameRequest,
  bodyRequired: true,
  status: 204,
  errors: ['container_not_found', 'ambiguous_reference', 'name_taken', 'container_removing'],
  answer: (api, call) => api.engine.rename(call.id, call.body.name),
});
