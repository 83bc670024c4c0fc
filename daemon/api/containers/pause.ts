import { answerRoute } from '../route.ts';

export const pause = answerRoute({
  method: 'POST',
  path: '/v1/containers/:id/pause',
  tag: 'containers',
  summary: 'Freeze all processes of a container',
  status: 204,
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_not_running',
    'container_restarting',
    'container_paused',
    'container_busy',
    'container_removing',
    'kernel_refused',
  ],
  answer: (api, call) => api.engine.pause(call.id),
});
