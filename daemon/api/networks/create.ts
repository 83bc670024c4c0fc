import { NetworkCreateRequest, NetworkCreateResponse } from '../../../shared/api/network.ts';
import { answerRoute } from '../route.ts';

export const createNetwork = answerRoute({
  method: 'POST',
  path: '/v1/networks',
  tag: 'networks',
  summary: 'Create a network',
  description:
    'A family for which no subnet is given gets one of the pools that overlaps no other network and no route or address of the host. The bridge is made when the first container of the network starts.',
  body: NetworkCreateRequest,
  bodyRequired: true,
  status: 201,
  schema: NetworkCreateResponse,
  errors: ['name_taken', 'subnet_overlap', 'pool_exhausted', 'host_lacks_feature', 'disk_full'],
  answer: (api, call) => api.engine.createNetwork(call.body),
});
