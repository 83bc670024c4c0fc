import { SystemCheckRequest, SystemCheckResponse } from '../../../shared/api/storage.ts';
import { answerRoute } from '../route.ts';

export const checkSystem = answerRoute({
  method: 'POST',
  path: '/v1/system/check',
  tag: 'system',
  summary: 'Check what is stored',
  description:
    'Every blob against its digest, every row against what is on the disk, and the other way round. With repair what can be mended is; an image that lost content is whole again when it is pulled or loaded.',
  body: SystemCheckRequest,
  bodyRequired: false,
  status: 200,
  schema: SystemCheckResponse,
  errors: [],
  answer: (api, call) => api.engine.checkSystem(call.body),
});
