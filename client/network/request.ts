/** The network's flags of `run` and `create` as the API's `network`. */
import type { ContainerNetwork, EndpointRequest } from '../../shared/api/network.ts';
import type { Arguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { parseHost, parseLink } from './add-host.ts';
import { parseAttachment } from './attachment.ts';
import { parseExpose, parsePublish } from './publish.ts';

/** undefined where none of its flags is given. Throws UsageError. */
export function networkOf(input: Arguments): ContainerNetwork | undefined {
  const network: ContainerNetwork = { ...placeOf(input) };
  const publish = input.list('publish').map(parsePublish);
  if (publish.length > 0) network.publish = publish;
  if (input.has('publish-all')) network.publishAll = input.boolean('publish-all');
  if (input.has('expose')) network.expose = [...new Set(input.list('expose').flatMap(parseExpose))];
  const dns = dnsOf(input);
  if (dns !== undefined) network.dns = dns;
  const hosts = [...input.list('add-host').map(parseHost), ...input.list('link').map(parseLink)];
  if (hosts.length > 0) network.hosts = hosts;
  return Object.keys(network).length === 0 ? undefined : network;
}

/** Which mode, or which networks. */
function placeOf(input: Arguments): Pick<ContainerNetwork, 'mode' | 'networks'> {
  const words = input.list('network');
  // docker's word for: as if it were not given
  const chosen = words.length === 1 && words[0] === 'default' ? [] : words.map(parseAttachment);
  const settings = settingsOf(input);
  const networks: EndpointRequest[] = [];
  for (const one of chosen) {
    if ('endpoint' in one) networks.push(one.endpoint);
    else if (chosen.length > 1) throw new UsageError(`--network ${one.mode} excludes any other --network`);
    else if (settings !== undefined)
      throw new UsageError(`${settings.spelled} needs a network, and --network ${one.mode} is none`);
    else return { mode: one.mode };
  }
  if (settings === undefined) {
    if (networks.length === 0) return {};
    return isPlainBridge(networks) ? { mode: 'bridge' } : { networks };
  }
  const [first = { network: 'bridge' }, ...others] = networks;
  return { networks: [settled(first, settings), ...others] };
}

/** Also what a daemon without networks of its own understands. */
function isPlainBridge(networks: readonly EndpointRequest[]): boolean {
  const [first, second] = networks;
  return second === undefined && first?.network === 'bridge' && Object.keys(first).length === 1;
}

type Settings = Omit<EndpointRequest, 'network' | 'interface'>;

interface Given {
  /** One of the flags, for messages. */
  readonly spelled: string;
  readonly endpoint: Settings;
}

const FLAG_OF_SETTING = { ipv4: 'ip', ipv6: 'ip6', mac: 'mac-address', aliases: 'network-alias' } as const;
const KEY_OF_SETTING = { ipv4: 'ip', ipv6: 'ip6', mac: 'mac-address', aliases: 'alias' } as const;

/** docker's flags for the settings of the first network. */
function settingsOf(input: Arguments): Given | undefined {
  const endpoint: Settings = {};
  const ipv4 = input.string(FLAG_OF_SETTING.ipv4);
  const ipv6 = input.string(FLAG_OF_SETTING.ipv6);
  const mac = input.string(FLAG_OF_SETTING.mac);
  if (ipv4 !== undefined) endpoint.ipv4 = ipv4;
  if (ipv6 !== undefined) endpoint.ipv6 = ipv6;
  if (mac !== undefined) endpoint.mac = mac;
  if (input.has(FLAG_OF_SETTING.aliases)) endpoint.aliases = [...input.list(FLAG_OF_SETTING.aliases)];
  const [first] = Object.keys(endpoint) as (keyof Settings)[];
  return first === undefined ? undefined : { spelled: `--${FLAG_OF_SETTING[first]}`, endpoint };
}

function settled(network: EndpointRequest, { endpoint }: Given): EndpointRequest {
  for (const name of Object.keys(endpoint) as (keyof Settings)[]) {
    if (network[name] === undefined) continue;
    throw new UsageError(`--${FLAG_OF_SETTING[name]} and ${KEY_OF_SETTING[name]}= of --network exclude each other`);
  }
  return { ...network, ...endpoint };
}

/** "." alone is docker's word for: search nowhere. */
function dnsOf(input: Arguments): ContainerNetwork['dns'] {
  const dns: NonNullable<ContainerNetwork['dns']> = {};
  if (input.has('dns')) dns.servers = [...input.list('dns')];
  if (input.has('dns-search')) dns.search = input.list('dns-search').filter((name) => name !== '.');
  if (input.has('dns-option')) dns.options = [...input.list('dns-option')];
  return Object.keys(dns).length === 0 ? undefined : dns;
}
