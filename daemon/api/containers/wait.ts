import { Exit, WaitQuery } from '../../../shared/api/container.ts';
import { answerRoute, type Method } from '../route.ts';

function wait(method: Method) {
  return answerRoute({
    method,
    path: '/v1/containers/:id/wait',
    tag: 'containers',
    summary: 'Wait for the end of a container',
    description: 'Answers when the condition holds, however long that takes. GET and POST do the same.',
    query: WaitQuery,
    status: 200,
    schema: Exit,
    errors: ['container_not_found', 'ambiguous_reference', 'shutting_down'],
    audited: false,
    answer: (api, call) => api.engine.wait(call.id, call.query.condition ?? 'stopped', call.signal),
  });
}

export const waitGet = wait('GET');
export const waitPost = wait('POST');
