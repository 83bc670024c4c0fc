/** How a container has a network: its mode, its networks, its ports and its names. */
import type { CreateRequest } from '../../../../shared/api/container.ts';
import type { ContainerNetwork, EndpointRequest } from '../../../../shared/api/network.ts';
import { DockerError } from '../../error.ts';
import type { CreateBody, EndpointSettings } from './create-body.ts';
import { endpointOf } from './endpoint.ts';
import type { Knows } from './host.ts';
import { exposedOf, publishOf } from './ports.ts';
import { plain, quoted, refuse } from './refuse.ts';

const CONTAINER = 'container:';
/** The network of those who name none. */
const DEFAULT = 'bridge';
/** From this version on a container is made with several networks. */
const SEVERAL_NETWORKS = 44;

type Hosts = NonNullable<ContainerNetwork['hosts']>;
type Kind = 'default' | 'bridge' | 'none' | 'host' | 'container' | 'named';

/** Throws DockerError 400. */
export function networkingOf(
  body: CreateBody,
  version: number,
  knows: Pick<Knows, 'container'>,
  warnings: string[],
): Partial<CreateRequest> {
  const mode = modeOf(body);
  const kind = kindOf(mode);
  refuseConflicts(body, kind);
  const networks =
    kind === 'none' || kind === 'host' || kind === 'container'
      ? []
      : networksOf(body, { mode, kind, version }, warnings);
  const ports = portsOf(body, kind, warnings);
  const network: ContainerNetwork = {
    ...nativeMode(mode, kind, networks, knows),
    ...(networks.length === 0 ? {} : { networks }),
    ...ports,
    ...dnsOf(body),
    ...hostsOf(body, kind, knows),
    ...(kind === 'none' || kind === 'host' || kind === 'default' ? { files: true } : {}),
  };
  return Object.keys(network).length === 0 ? {} : { network };
}

function modeOf({
  HostConfig: { NetworkMode: mode = '' } = {},
  NetworkDisabled: isDisabled = false,
}: CreateBody): string {
  return isDisabled ? 'none' : mode;
}

function kindOf(mode: string): Kind {
  if (mode === '' || mode === 'default') return 'default';
  if (mode === 'bridge' || mode === 'none' || mode === 'host') return mode;
  return mode.startsWith(CONTAINER) ? 'container' : 'named';
}

function nativeMode(
  mode: string,
  kind: Kind,
  networks: readonly EndpointRequest[],
  knows: Pick<Knows, 'container'>,
): Pick<ContainerNetwork, 'mode'> {
  if (kind === 'container') {
    const ref = mode.slice(CONTAINER.length);
    if (ref === '') refuse('Invalid network mode: invalid container format container:<name|id>');
    return { mode: CONTAINER + knows.container(ref).id };
  }
  if (kind === 'none' || kind === 'host') return { mode: kind };
  return kind === 'default' && networks.length === 0 ? {} : { mode: 'bridge' };
}

/** runconfig/hostconfig_unix.go, validateNetMode(). */
function refuseConflicts(body: CreateBody, kind: Kind): void {
  const { HostConfig: host = {} } = body;
  const some = (list: readonly unknown[] | undefined): boolean => (list ?? []).length > 0;
  if (kind === 'container' || kind === 'host') {
    if (some(host.Links)) {
      refuse(
        `conflicting options: ${kind} type network${kind === 'host' ? 'ing' : ''} can't be used with links. This would result in undefined behavior`,
      );
    }
    if ((body.MacAddress ?? '') !== '') refuse('conflicting options: mac-address and the network mode');
  }
  if (kind !== 'container') return;
  if ((body.Hostname ?? '') !== '') refuse('conflicting options: hostname and the network mode');
  if (some(host.Dns)) refuse('conflicting options: dns and the network mode');
  if (some(host.ExtraHosts)) refuse('conflicting options: custom host-to-IP mapping and the network mode');
  if (Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts === true) {
    refuse('conflicting options: port publishing and the container type network mode');
  }
  if (Object.keys(body.ExposedPorts ?? {}).length > 0) {
    refuse('conflicting options: port exposing and the container type network mode');
  }
}

/** That of the mode first, unless another is to have the default route; none: the daemon's default. */
function networksOf(
  body: CreateBody,
  { mode, kind, version }: { readonly mode: string; readonly kind: Kind; readonly version: number },
  warnings: string[],
): EndpointRequest[] {
  const configs = Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {});
  if (configs.length > 1 && version < SEVERAL_NETWORKS) {
    refuse(`Container cannot be connected to network endpoints: ${configs.map(([name]) => plain(name)).join(', ')}`);
  }
  const asked = new Map<string, EndpointSettings>();
  const main = kind === 'named' ? mode : DEFAULT;
  if (kind === 'named' || configs.length === 0) asked.set(main, {});
  for (const [key, settings] of configs) asked.set(key === 'default' || key === '' ? DEFAULT : key, settings);
  const first = asked.get(main);
  if (first !== undefined && (body.MacAddress ?? '') !== '' && (first.MacAddress ?? '') === '') {
    asked.set(main, { ...first, MacAddress: body.MacAddress ?? '' });
  }
  const ordered = [...asked].sort(([, left], [, right]) => (right.GwPriority ?? 0) - (left.GwPriority ?? 0));
  const networks = ordered.map(([name, settings]) => endpointOf(name, settings, warnings));
  const isPlain =
    kind !== 'named' &&
    networks.length === 1 &&
    networks[0]?.network === DEFAULT &&
    Object.keys(networks[0]).length === 1;
  return isPlain ? [] : networks;
}

function portsOf(
  body: CreateBody,
  kind: Kind,
  warnings: string[],
): Pick<ContainerNetwork, 'publish' | 'publishAll' | 'expose'> {
  const publish = publishOf(body);
  const expose = exposedOf(body);
  const isAll = body.HostConfig?.PublishAllPorts === true;
  if (kind === 'host' || kind === 'none' || kind === 'container') {
    if (kind === 'host' && (publish.length > 0 || isAll)) {
      warnings.push('Published ports are discarded when using host network mode');
    }
    return expose.length === 0 ? {} : { expose };
  }
  return {
    ...(publish.length === 0 ? {} : { publish }),
    ...(isAll ? { publishAll: true } : {}),
    ...(expose.length === 0 ? {} : { expose }),
  };
}

function dnsOf({ HostConfig: host = {} }: CreateBody): Pick<ContainerNetwork, 'dns'> {
  const { Dns: servers = [], DnsSearch: search = [], DnsOptions: options = [] } = host;
  for (const server of servers) {
    if (!/^[0-9A-Fa-f:.]{2,45}$/.test(server)) refuse(`${plain(server)} is not an ip address`);
  }
  const dns = {
    ...(servers.length === 0 ? {} : { servers: [...servers] }),
    ...(search.length === 0 ? {} : { search: search.filter((domain) => domain !== '.') }),
    ...(options.length === 0 ? {} : { options: [...options] }),
  };
  return Object.keys(dns).length === 0 ? {} : { dns };
}

/** ExtraHosts, and links, which are names that this container alone has for others. */
function hostsOf(body: CreateBody, kind: Kind, knows: Pick<Knows, 'container'>): Pick<ContainerNetwork, 'hosts'> {
  const { HostConfig: { ExtraHosts: extra = [], Links: links = [] } = {}, NetworkingConfig: networking } = body;
  const endpoints = Object.values(networking?.EndpointsConfig ?? {});
  const hosts = [
    ...extra.map((spec) => extraHost(spec, kind)),
    ...[...links, ...endpoints.flatMap(({ Links: own = [] }) => own)].map((spec) => linkOf(spec, knows)),
  ];
  const unique = new Map(hosts.map((host) => [`${host.name} ${host.address}`, host]));
  return unique.size === 0 ? {} : { hosts: [...unique.values()] };
}

function extraHost(spec: string, kind: Kind): Hosts[number] {
  const [, name = '', given = ''] = /^([^:=]+)[:=](.+)$/s.exec(spec) ?? [];
  if (name === '') refuse(`bad format for add-host: ${quoted(spec)}`);
  const address = /^\[(.*)\]$/.exec(given)?.[1] ?? given;
  // on the host's network the host is what is reached without any gateway
  if (address === 'host-gateway') return { name, address: kind === 'host' ? '127.0.0.1' : 'host-gateway' };
  if (!/^[0-9A-Fa-f:.]{2,45}$/.test(address)) refuse(`invalid IP address in add-host: ${quoted(given)}`);
  return { name, address };
}

/** "container:alias", or "container". */
function linkOf(spec: string, knows: Pick<Knows, 'container'>): Hosts[number] {
  const [ref = '', alias, more] = spec.split(':');
  if (ref === '' || alias === '' || more !== undefined) refuse(`bad format for links: ${plain(spec)}`);
  const { id, name } = linked(ref.replace(/^\//, ''), knows);
  return { name: (alias ?? name).split('/').at(-1) ?? name, address: `container:${id}` };
}

function linked(ref: string, knows: Pick<Knows, 'container'>): ReturnType<Knows['container']> {
  try {
    return knows.container(ref);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    throw new DockerError(error.status, `could not get container for ${plain(ref)}: ${error.message}`, {
      cause: error,
    });
  }
}
