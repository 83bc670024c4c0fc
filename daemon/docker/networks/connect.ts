/** `POST /networks/{id}/connect`, `POST /networks/{id}/disconnect` */
import type { ConnectRequest } from '../../../shared/api/network.ts';
import { EngineError } from '../../engine/errors.ts';
import { findContainer } from '../containers/find.ts';
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
    const container = findContainer(engine, refOf(body));
    refusePseudo(call);
    if (call.id === 'bridge') engine.defaultNetwork();
    const settings = settingsOf(body.object('EndpointConfig'));
    await inWords(call, container, () => engine.connect(call.id, { container: container.id, ...settings }));
    return { status: 200 };
  },
});

export const disconnect: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/networks/:id/disconnect',
  resource: 'network',
  texts: NETWORK_TEXTS,
  async handle({ engine }, call) {
    const container = findContainer(engine, refOf(new Fields(call.body)));
    refusePseudo(call);
    await inWords(call, container, () => engine.disconnect(call.id, { container: container.id }));
    return { status: 200 };
  },
});

function refOf(body: Fields): string {
  const ref = body.text('Container') ?? '';
  if (ref === '') throw new DockerError(400, 'invalid name or ID supplied: ""');
  return ref;
}

/** dockerd's words, which name the container, too. */
async function inWords(
  { id }: DockerCall,
  container: { readonly id: string; readonly name: string },
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const code = error instanceof EngineError ? error.code : undefined;
    if (code === 'already_connected') {
      throw new DockerError(403, `endpoint with name ${container.name} already exists in network ${id}`);
    }
    if (code === 'not_connected') {
      throw new DockerError(500, `container ${container.id} is not connected to network ${id}`);
    }
    throw error;
  }
}

function refusePseudo({ id }: DockerCall): void {
  const name = pseudoOf(id)?.name;
  if (name === undefined) return;
  throw new DockerError(403, `container cannot be disconnected from ${name} network or connected to ${name} network`);
}

function settingsOf(endpoint: Fields | undefined): Omit<ConnectRequest, 'container'> {
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
