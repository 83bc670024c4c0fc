import { answerRoute } from '../route.ts';

export const resume = answerRoute({
  method: 'POST',
  path: '/v1/containers/:id/resume',
  tag: 'containers',
  summary: 'Thaw a paused container',
  status: 204,
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_not_running',
    'container_restarting',
    'container_not_paused',
    'container_busy',
    'container_removing',
    'kernel_refused',
  ],
  answer: (api, call) => api.engine.resume(call.id),
});
