import { CreateRequest, CreateResponse } from '../../../shared/api/container.ts';
import { answerRoute } from '../route.ts';

export const create = answerRoute({
  method: 'POST',
  path: '/v1/containers',
  tag: 'containers',
  summary: 'Create a container',
  description:
    'Exactly one of `image`, `rootfs` and `bundle` says where its files are. An image has to be here: nothing is pulled. `oci` is a partial OCI config.json that is merged last; in it integers keep all 64 bits. Nothing runs yet.',
  body: CreateRequest,
  bodyRequired: true,
  status: 201,
  schema: CreateResponse,
  errors: [
    'name_taken',
    'image_not_found',
    'no_such_platform',
    'image_unsupported',
    'store_damaged',
    'network_not_found',
    'container_not_found',
    'ambiguous_reference',
    'address_taken',
    'port_taken',
    'pool_exhausted',
    'unsupported',
    'host_lacks_feature',
    'disk_full',
    'shutting_down',
  ],
  answer: (api, call) => api.engine.create(call.body),
});
