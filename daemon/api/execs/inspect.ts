import { ExecDetail } from '../../../shared/api/exec.ts';
import { answerRoute } from '../route.ts';

export const inspectExec = answerRoute({
  method: 'GET',
  path: '/v1/execs/:id',
  tag: 'execs',
  summary: 'Show an exec, with its exit when it has ended',
  status: 200,
  schema: ExecDetail,
  errors: ['exec_not_found'],
  answer: (api, call) => api.engine.inspectExec(call.id),
});
