/** The network of a container that is being created: its mode, its networks, and what its spec has to do with them. */
import { hostname } from 'node:os';
import type { CreateRequest } from '../../../shared/api/container.ts';
import { parseAddress } from '../../network/address.ts';
import type { Networking } from '../../registry/containers.ts';
import type { EndpointRow } from '../../registry/endpoints.ts';
import type { LeaseRow } from '../../registry/leases.ts';
import type { Registry } from '../../registry/registry.ts';
import type { IdMapping, Spec } from '../../runtime/spec/types.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import type { LayeredRoot } from '../from-image/layered-root.ts';
import { giveBack, leasesOf, takeStatic } from '../networks/addresses.ts';
import { ensureDefaultNetwork } from '../networks/default.ts';
import { specOf } from '../launch-plan.ts';
import type { SpecNetwork } from '../spec-of-request.ts';
import { fileMounts, withoutUnmakeable } from './container-mounts.ts';
import { filesOwner } from './joined.ts';
import { hostsFound } from './linked-hosts.ts';
import { checkPins } from './pins.ts';
import { askedMode, type Mode, modeOfSpec, modeWithin, namespaceOf, parseMode } from './mode.ts';
import { type EndpointWish, endpointWishes, networkingOf } from './wish.ts';

/** What of the root file system matters: where it is on the host, and whether no mount point can be made in it. */
export interface NetworkRoot {
  readonly path: string;
  /** Where it is made of layers: what looks into them, in place of the path. */
  readonly files?: LayeredRoot;
  readonly isFixed: boolean;
}

export interface PreparedNetwork {
  readonly spec: Spec;
  readonly networking: Networking;
  readonly wishes: readonly EndpointWish[];
  readonly warnings: readonly string[];
}

interface Making {
  readonly context: Context;
  readonly request: CreateRequest;
  readonly id: string;
  readonly root: NetworkRoot;
}

/** `make`: the spec of the request on such a network. Throws EngineError. */
export function prepareNetwork(making: Making, make: (network: SpecNetwork) => Spec): PreparedNetwork {
  const { context, request } = making;
  const asked = askedMode(request.network);
  const wanted = found(context, asked ?? parseMode(context.networkOptions.defaultNetwork));
  const first = specNetworkOf(making, wanted);
  const spec = make(first.network);
  const mode = modeWithin(spec, wanted, asked !== undefined);
  if (mode === wanted) return finish(making, spec, mode, first.warnings);
  const second = specNetworkOf(making, mode);
  return finish(making, make(second.network), mode, second.warnings);
}

/** A bundle says itself which namespaces there are. Throws EngineError. */
export function prepareBundleNetwork(making: Making, spec: Spec): PreparedNetwork {
  const asked = askedMode(making.request.network);
  const said = modeOfSpec(spec);
  if (asked !== undefined && asked.is !== 'none' && asked.is !== 'bridge' && asked.is !== said.is) {
    throw invalid(
      'network.mode',
      'config.json says which network namespace it has: only "bridge" and "none" can be asked',
    );
  }
  const mode = asked === undefined ? said : modeWithin(spec, asked, true);
  const { network, warnings } = specNetworkOf(
    making,
    mode,
    (spec.mounts ?? []).map(({ destination }) => destination),
  );
  return finish(making, { ...spec, mounts: [...(spec.mounts ?? []), ...network.mounts] }, mode, warnings);
}

/** With the whole id of a container that is to be joined. Throws `container_not_found`, `ambiguous_reference`. */
function found(context: Context, mode: Mode): Mode {
  if (mode.is !== 'container') return mode;
  try {
    return { is: 'container', ref: context.containers.find(mode.ref).id };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.code, `network.mode: ${error.message}`, { field: 'network.mode', cause: error });
  }
}

/** Names are looked up in files of the container's own. */
function hasFiles(mode: Mode, { network }: CreateRequest): boolean {
  if (mode.is === 'container') return false;
  if (network?.files === true && (mode.is === 'none' || mode.is === 'host')) return true;
  return mode.is === 'bridge' || network?.dns !== undefined || network?.hosts !== undefined;
}

function specNetworkOf(
  { context, request, id, root }: Making,
  mode: Mode,
  taken: readonly string[] = (request.mounts ?? []).map(({ target }) => target),
): { readonly network: SpecNetwork; readonly warnings: readonly string[] } {
  const target = mode.is === 'container' ? context.containers.get(mode.ref) : undefined;
  const namespace = namespaceOf(mode, mode.is === 'container' ? context.places.joinedNetwork(mode.ref) : '');
  const owner = target === undefined ? undefined : filesOwner(context, target);
  const files = hasFiles(mode, request) ? id : owner?.id;
  const { mounts, warnings } =
    files === undefined ? { mounts: [], warnings: [] } : fileMounts(root, context.places.names(files), taken);
  // who shares the network of another shares its name there, unless it has one of its own
  const hostname = target === undefined ? undefined : specOf(context, target).hostname;
  return { network: { namespace, mounts, ...(hostname === undefined ? {} : { hostname }) }, warnings };
}

function finish(
  { context, request, id, root }: Making,
  made: Spec,
  mode: Mode,
  fileWarnings: readonly string[],
): PreparedNetwork {
  const owner = rootOwner(made);
  const makeable =
    owner === undefined
      ? undefined
      : withoutUnmakeable(made.mounts ?? [], {
          root,
          directory: context.places.names(id),
          owner: owner.uid,
        });
  const spec = makeable === undefined ? made : { ...made, mounts: [...makeable.mounts] };
  if (mode.is === 'container' && (request.network?.dns !== undefined || request.network?.hosts !== undefined)) {
    const name = request.network.dns === undefined ? 'hosts' : 'dns';
    throw invalid(`network.${name}`, 'has no meaning with mode "container:": the files of that container are shared');
  }
  if (mode.is === 'bridge') refuseLoopbackServers(request);
  if (request.pinNamespaces !== undefined) checkPins(request.pinNamespaces, spec);
  const { hosts } = request.network ?? {};
  const networking = {
    ...networkingOf(request, mode),
    ...(hosts === undefined ? {} : { hosts: hostsFound(context, hosts) }),
  };
  const warnings = [...fileWarnings, ...(makeable?.warnings ?? [])];
  const wishes =
    mode.is === 'bridge'
      ? endpointWishes(request.network, request.interfaces ?? [], {
          find: (ref, field) => context.networks.find(ref, field),
          default: () => ensureDefaultNetwork(context),
        })
      : [];
  if (networking.publish.length > 0) warnings.push(...publishWarnings(networking, wishes));
  if (!hasFiles(mode, request)) return { spec, networking, wishes, warnings };
  const files = {
    hostname: spec.hostname ?? (hasNames(spec) ? id.slice(0, 12) : hostname()),
    ...(spec.domainname === undefined ? {} : { domainname: spec.domainname }),
    ...(owner === undefined ? {} : { owner }),
  };
  return { spec, networking: { ...networking, files }, wishes, warnings };
}

/** Names of its own; or else the host's are its. */
function hasNames({ linux }: Spec): boolean {
  return linux?.namespaces?.some(({ type }) => type === 'uts') === true;
}

/** The DNS server on the bridge asks them from the host, whose own loopback they would be. */
function refuseLoopbackServers({ network }: CreateRequest): void {
  for (const [index, server] of (network?.dns?.servers ?? []).entries()) {
    const address = parseAddress(server);
    const isLoopback = address?.family === 4 ? address.value >> 24n === 127n : address?.value === 1n;
    if (!isLoopback) continue;
    throw invalid(
      `network.dns.servers[${String(index)}]`,
      `${server} is a loopback address, which no container reaches`,
    );
  }
}

function publishWarnings({ publish }: Networking, wishes: readonly EndpointWish[]): string[] {
  const outward = wishes.filter(({ network }) => !network.row.internal);
  if (outward.length === 0) return ['no port is published while every network of the container is internal'];
  const families = new Set(outward.flatMap(({ network }) => network.row.subnets.map(({ family }) => family)));
  return publish.flatMap(({ hostAddress }, index) => {
    const family = hostAddress === undefined ? undefined : hostAddress.includes(':') ? 6 : 4;
    if (family === undefined || families.has(family)) return [];
    throw invalid(
      `network.publish[${String(index)}].hostAddress`,
      `${hostAddress ?? ''} is of IPv${String(family)}, which no network of the container has`,
    );
  });
}

/** Of files that the container's root may change: on the host, where it has a user namespace. */
function rootOwner(spec: Spec): { uid: number; gid: number } | undefined {
  const zero = (mappings: readonly IdMapping[] | undefined): number | undefined => {
    const line = mappings?.find(({ containerID }) => Number(containerID) === 0);
    return line === undefined ? undefined : Number(line.hostID);
  };
  const [uid, gid] = [zero(spec.linux?.uidMappings), zero(spec.linux?.gidMappings)];
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

/** Rows of a container's networks, and the addresses that it asked for by number. */
export interface TakenEndpoints {
  readonly rows: readonly EndpointRow[];
  readonly leases: readonly LeaseRow[];
}

/** Takes static addresses in memory; where recordEndpoints fails, giveBack(networks, leases). Throws by field. */
export function takeEndpoints(
  context: Context,
  container: string,
  wishes: readonly EndpointWish[],
  position = 0,
): TakenEndpoints {
  const leases: LeaseRow[] = [];
  try {
    const rows = wishes.map((wish, index) => {
      const { network } = wish;
      if (context.networks.get(network.id) !== network) {
        const field = wish.field === '' ? 'network' : `${wish.field}.network`;
        throw new EngineError('network_not_found', `${field}: network ${network.name} was removed`, { field });
      }
      const addresses = takeStatic(network, wish, wish.field);
      leases.push(...leasesOf(addresses, { network: network.id, container, hostInterface: null, isStatic: true }));
      const { interface: name, mac, aliases } = wish;
      return {
        container,
        network: network.id,
        position: position + index,
        interface: name,
        mac,
        aliases,
        ...addresses,
        live: null,
      };
    });
    return { rows, leases };
  } catch (error) {
    giveBack(context.networks, leases);
    throw error;
  }
}

/** In the transaction that makes the container, or the connection, true. */
export function recordEndpoints(registry: Registry, { rows, leases }: TakenEndpoints): void {
  for (const row of rows) registry.endpoints.insert(row);
  for (const lease of leases) registry.leases.insert(lease);
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
