/** `POST /networks/create` */
import type { NetworkCreateRequest } from '../../../shared/api/network.ts';
import { DockerError } from '../error.ts';
import { Fields } from '../fields.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { OPTIONS, pseudoOf } from './shape.ts';
import { NOT_A_MANAGER } from '../system/swarm.ts';
import { NETWORK_TEXTS } from './texts.ts';

export const createNetwork: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/networks/create',
  texts: NETWORK_TEXTS,
  handle({ engine }, call) {
    const body = new Fields(call.body);
    const name = body.text('Name') ?? '';
    checkName(name);
    if (name !== 'bridge' && engine.listNetworks({}).some((network) => network.name === name)) {
      throw new DockerError(409, `network with name ${name} already exists`);
    }
    const { id, warnings } = engine.createNetwork(requestOf(name, body));
    return { status: 201, json: { Id: id, Warning: warnings.join('\n') } };
  },
});

function checkName(name: string): void {
  if (name.trim() === '') throw new DockerError(400, 'invalid name: name is empty');
  if (pseudoOf(name) !== undefined || name === 'default' || name === 'bridge') {
    throw new DockerError(403, `operation is not permitted on predefined ${name} network `);
  }
}

function requestOf(name: string, body: Fields): NetworkCreateRequest {
  refuseOthers(body);
  const subnets = subnetsOf(body.object('IPAM'));
  const ipv4 = body.flag('EnableIPv4');
  const ipv6 = body.flag('EnableIPv6');
  const labels = body.record('Labels');
  return {
    name,
    ...(subnets.length === 0 ? {} : { subnets }),
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    ...(body.flag('Internal') === true ? { internal: true } : {}),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...optionsOf(body.record('Options')),
  };
}

/** What is not built is refused by its name. */
function refuseOthers(body: Fields): void {
  const driver = body.text('Driver') ?? '';
  if (driver === 'host' || driver === 'null') {
    throw new DockerError(403, `only one instance of "${driver}" network is allowed`);
  }
  if (driver === 'overlay') throw new DockerError(503, NOT_A_MANAGER);
  if (driver !== '' && driver !== 'bridge' && driver !== 'default') {
    throw new DockerError(404, `plugin "${driver.slice(0, 64)}" not found: only the driver "bridge" is offered`);
  }
  if (body.flag('ConfigOnly') === true) throw new DockerError(400, 'config-only networks are not offered');
  if (body.flag('Ingress') === true) throw new DockerError(400, 'ingress networks are not offered: this is no swarm');
  const ipam = body.object('IPAM')?.text('Driver') ?? '';
  if (ipam !== '' && ipam !== 'default')
    throw new DockerError(400, `IPAM driver "${ipam.slice(0, 64)}" is not offered`);
}

function subnetsOf(ipam: Fields | undefined): NonNullable<NetworkCreateRequest['subnets']> {
  return (ipam?.objects('Config') ?? []).flatMap((config) => {
    const subnet = config.text('Subnet') ?? '';
    const range = config.text('IPRange') ?? '';
    const gateway = config.text('Gateway') ?? '';
    const others = config.entries('AuxiliaryAddresses');
    if (others.length > 0) throw new DockerError(400, 'auxiliary addresses are not offered: give a range instead');
    if (subnet === '' && range === '' && gateway === '') return [];
    if (subnet === '') throw new DockerError(400, 'invalid subnet: a gateway or range needs one');
    return [{ subnet, ...(range === '' ? {} : { range }), ...(gateway === '' ? {} : { gateway }) }];
  });
}

function optionsOf(options: Readonly<Record<string, string>>): Partial<NetworkCreateRequest> {
  const mtu = options[OPTIONS.mtu];
  const bridge = options[OPTIONS.bridge];
  const interContainer = options[OPTIONS.interContainer];
  if (mtu !== undefined && !/^[0-9]{1,5}$/.test(mtu)) throw new DockerError(400, `invalid value for ${OPTIONS.mtu}`);
  return {
    ...(mtu === undefined ? {} : { mtu: Number(mtu) }),
    ...(bridge === undefined ? {} : { bridge }),
    ...(interContainer === undefined ? {} : { interContainer: interContainer !== 'false' }),
  };
}
