import { ExecRequest, ExecResponse } from '../../../shared/api/exec.ts';
import { answerRoute } from '../route.ts';

export const createExec = answerRoute({
  method: 'POST',
  path: '/v1/containers/:id/execs',
  tag: 'execs',
  summary: 'Create a further process in a running container',
  description:
    'It is started by `POST /v1/execs/:id/start`, or started and attached by the WebSocket of the same path.',
  body: ExecRequest,
  bodyRequired: true,
  status: 201,
  schema: ExecResponse,
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_not_running',
    'container_restarting',
    'container_paused',
    'container_busy',
    'container_removing',
    'unsupported',
  ],
  answer: (api, call) => api.engine.createExec(call.id, call.body),
});
