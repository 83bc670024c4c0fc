/** What a create request asks of networks: checked, canonical, and refused by the name of its field. */
import type { ContainerNetwork, EndpointRequest, Interface } from '../../../shared/api/network.ts';
import type { CreateRequest } from '../../../shared/api/container.ts';
import { formatAddress, parseAddress } from '../../network/address.ts';
import type { Networking } from '../../registry/containers.ts';
import type { EndpointRow } from '../../registry/endpoints.ts';
import { EngineError } from '../errors.ts';
import type { Network } from '../networks/network.ts';
import { type Mode, modeText } from './mode.ts';
import { publishedOf } from './published.ts';

/** What is asked of one network; addresses are as they were asked for. */
export interface EndpointWish {
  readonly network: Network;
  readonly interface: string | null;
  readonly mac: string | null;
  readonly aliases: readonly string[];
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  /** The object of the request, such as "network.networks[0]". */
  readonly field: string;
}

type NetworkParts = Pick<CreateRequest, 'network' | 'interfaces' | 'pinNamespaces' | 'mkdir'>;

/** Names that stand for modes. */
const MODES = new Set(['none', 'host']);
const MULTICAST = 1;

/** Of a container in this mode. Throws `invalid_field`. */
export function networkingOf(request: NetworkParts, mode: Mode): Networking {
  const { network, interfaces, pinNamespaces, mkdir } = request;
  const hasOwn = mode.is === 'bridge' || mode.is === 'none';
  if (!hasOwn && (interfaces?.length ?? 0) > 0) {
    throw invalid('interfaces', `mode "${modeText(mode)}" has no network namespace of its own to make them in`);
  }
  refuseSameInterface([], interfaces ?? []);
  for (const [index, { address }] of (network?.hosts ?? []).entries()) {
    const field = `network.hosts[${String(index)}].address`;
    if (address.startsWith('container:')) continue;
    if (address !== 'host-gateway') addressOf(address, field);
    else if (mode.is !== 'bridge') throw invalid(field, '"host-gateway" needs mode "bridge"');
  }
  const servers = (network?.dns?.servers ?? []).map((server, index) =>
    addressOf(server, `network.dns.servers[${String(index)}]`),
  );
  return {
    mode: modeText(mode),
    publish: publishedOf(network?.publish ?? [], 'network.publish'),
    ...(network?.dns === undefined ? {} : { dns: { ...network.dns, servers } }),
    ...(network?.hosts === undefined ? {} : { hosts: network.hosts }),
    ...(interfaces === undefined ? {} : { interfaces }),
    ...(pinNamespaces === undefined ? {} : { pins: pinNamespaces }),
    ...(mkdir === undefined ? {} : { mkdir }),
  };
}

/** Canonical text. Throws `invalid_field`. */
export function addressOf(text: string, field: string): string {
  const address = parseAddress(text);
  if (address === undefined) throw invalid(field, `"${text}" is no address`);
  return formatAddress(address);
}

/**
 * The networks of mode "bridge", in their order; the default one where none is named. Throws `invalid_field`,
 * `network_not_found`.
 */
export function endpointWishes(
  network: ContainerNetwork | undefined,
  interfaces: readonly Interface[],
  networks: { find: (ref: string, field: string) => Network; default: () => Network },
): EndpointWish[] {
  const asked: readonly EndpointRequest[] = network?.networks ?? [{ network: '' }];
  const wishes = asked.map((request, index) => {
    const field = `network.networks[${String(index)}]`;
    const { network: ref } = request;
    if (ref === '') return wishOf(networks.default(), request, field);
    if (MODES.has(ref)) {
      throw invalid(`${field}.network`, `"${ref}" is no network but a mode: say it in network.mode`);
    }
    return wishOf(networks.find(ref, `${field}.network`), request, field);
  });
  refuseTwice(wishes);
  refuseSameInterface(wishes, interfaces);
  return wishes;
}

/** `field`: of the object of the request; "" for its top. Throws `invalid_field`. */
export function wishOf(network: Network, request: Omit<EndpointRequest, 'network'>, field: string): EndpointWish {
  const prefix = field === '' ? '' : `${field}.`;
  const { interface: name, mac, aliases = [], ipv4, ipv6 } = request;
  if (name !== undefined) checkInterfaceName(name, `${prefix}interface`);
  return {
    network,
    interface: name ?? null,
    mac: mac === undefined ? null : macOf(mac, `${prefix}mac`),
    aliases: [...new Set(aliases.map((alias) => alias.toLowerCase()))],
    ipv4,
    ipv6,
    field,
  };
}

/** The schema counts characters, the kernel bytes. */
export function checkInterfaceName(name: string, field: string): void {
  if (name === 'lo') throw invalid(field, '"lo" is the loopback interface');
  if (Buffer.byteLength(name) > 15) throw invalid(field, `"${name}" has more than 15 bytes`);
}

function macOf(text: string, field: string): string {
  const mac = text.toLowerCase();
  if ((parseInt(mac.slice(0, 2), 16) & MULTICAST) !== 0) throw invalid(field, `${text} is a multicast address`);
  if (mac === '00:00:00:00:00:00') throw invalid(field, `${text} is no address of an interface`);
  return mac;
}

function refuseTwice(wishes: readonly EndpointWish[]): void {
  const seen = new Set<string>();
  for (const { network, field } of wishes) {
    if (seen.has(network.id)) throw invalid(`${field}.network`, `network ${network.name} stands twice`);
    seen.add(network.id);
  }
}

function refuseSameInterface(wishes: readonly EndpointWish[], interfaces: readonly Interface[]): void {
  const seen = new Set<string>();
  const named = [
    ...wishes.map((wish) => ({ name: wish.interface, field: `${wish.field}.interface` })),
    ...interfaces.map(({ name }, index) => ({ name, field: `interfaces[${String(index)}].name` })),
  ];
  for (const { name, field } of named) {
    if (name === null) continue;
    checkInterfaceName(name, field);
    if (seen.has(name)) throw invalid(field, `the interface "${name}" stands twice`);
    seen.add(name);
  }
}

/** The names that endpoints have in a container, in their order: those asked for, else the next free of eth0, eth1, … */
export function interfaceNames(
  endpoints: readonly Pick<EndpointRow, 'interface'>[],
  taken: ReadonlySet<string> = new Set(),
): string[] {
  const used = new Set(taken);
  for (const { interface: asked } of endpoints) if (asked !== null) used.add(asked);
  let number = 0;
  return endpoints.map(({ interface: asked }) => {
    if (asked !== null) return asked;
    while (used.has(`eth${String(number)}`)) number += 1;
    const name = `eth${String(number)}`;
    used.add(name);
    return name;
  });
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
