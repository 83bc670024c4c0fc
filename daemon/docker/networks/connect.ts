/** `POST /networks/{id}/connect`, `POST /networks/{id}/disconnect` */
import type { ConnectRequest } from '../../../shared/api/network.ts';
import { DockerError } from '../error.ts';
import { Fields } from '../fields.ts';
import { type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { pseudoOf } from './shape.ts';
import { NETWORK_TEXTS } from './texts.ts';

export const connect: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/networks/:id/connect',
  resource: 'network',
  texts: NETWORK_TEXTS,
  async handle({ engine }, call) {
    const body = new Fields(call.body);
    const container = containerOf(engine, body);
    refusePseudo(call, 'container cannot be connected to it');
    if (call.id === 'bridge') engine.defaultNetwork();
    await engine.connect(call.id, { container, ...settingsOf(body.object('EndpointConfig')) });
    return { status: 200 };
  },
});

export const disconnect: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/networks/:id/disconnect',
  resource: 'network',
  texts: NETWORK_TEXTS,
  async handle({ engine }, call) {
    const body = new Fields(call.body);
    const container = containerOf(engine, body);
    refusePseudo(call, 'container cannot be disconnected from it');
    await engine.disconnect(call.id, { container });
    return { status: 200 };
  },
});

/** Its id: what is not there is told by its own name. */
function containerOf(engine: { inspect(ref: string): { readonly id: string } }, body: Fields): string {
  const container = body.text('Container') ?? '';
  if (container === '') throw new DockerError(400, 'container is missing');
  try {
    return engine.inspect(container).id;
  } catch (error) {
    throw new DockerError(404, `No such container: ${container.slice(0, 128)}`, { cause: error });
  }
}

function refusePseudo({ id }: DockerCall, why: string): void {
  const pseudo = pseudoOf(id);
  if (pseudo !== undefined) throw new DockerError(403, `network ${pseudo.name} is a mode of containers: a ${why}`);
}

/** Also of `NetworkingConfig` at create. */
export function settingsOf(endpoint: Fields | undefined): Omit<ConnectRequest, 'container'> {
  if (endpoint === undefined) return {};
  const ipam = endpoint.object('IPAMConfig');
  const ipv4 = ipam?.text('IPv4Address') ?? '';
  const ipv6 = ipam?.text('IPv6Address') ?? '';
  const mac = endpoint.text('MacAddress') ?? '';
  const aliases = endpoint.texts('Aliases') ?? [];
  if ((endpoint.texts('Links') ?? []).length > 0) {
    throw new DockerError(
      400,
      'links are not offered: containers of a network know each other by their names and aliases',
    );
  }
  return {
    ...(ipv4 === '' ? {} : { ipv4 }),
    ...(ipv6 === '' ? {} : { ipv6 }),
    ...(mac === '' ? {} : { mac: mac.toLowerCase() }),
    ...(aliases.length === 0 ? {} : { aliases: [...new Set(aliases)] }),
  };
}
