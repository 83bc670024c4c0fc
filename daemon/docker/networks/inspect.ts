/** `GET /networks/{id}` */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { networkShape, pseudoOf, pseudoShape } from './shape.ts';
import { NETWORK_TEXTS } from './texts.ts';

export const inspectNetwork: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/networks/:id',
  texts: NETWORK_TEXTS,
  handle({ engine }, call) {
    const scope = call.query.text('scope') ?? '';
    if (scope !== '' && scope !== 'local') throw new DockerError(404, `network ${call.id} not found`);
    const pseudo = pseudoOf(call.id);
    if (pseudo !== undefined) return { status: 200, json: pseudoShape(pseudo, call.version) };
    if (call.id === 'bridge') engine.defaultNetwork();
    const network = engine.inspectNetwork(call.id);
    return { status: 200, json: networkShape(network, call.version, network.containers) };
  },
});
