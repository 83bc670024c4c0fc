/** The bridge of a network on the host: made or put right, whatever is there. */
import { bytesOf, parseAddress } from '../address.ts';
import {
  ADDRESS_FLAG,
  cidrOf,
  deleteAddress,
  globalAddress,
  listAddresses,
  newAddress,
  SCOPE_GLOBAL,
} from '../rtnetlink/addresses.ts';
import type { Change, Rtnetlink } from '../rtnetlink/connection.ts';
import { NetlinkError } from '../rtnetlink/connection.ts';
import { changeLink, deleteLink, findLink, newLink, type Link } from '../rtnetlink/links.ts';
import { MAC } from '../rtnetlink/fields.ts';
import type { NetworkShape } from '../types.ts';
import { writeLinkSettings } from './settings.ts';

const ENODEV = 19;

/** An interface that has a bridge's name and is none. */
export class NotABridge extends Error {
  override name = 'NotABridge';
}

/** Such as "10.1.2.1/24": the host's addresses in the network. */
function wantedAddresses({ subnets }: NetworkShape): string[] {
  return subnets.map(({ subnet, gateway }) => gateway + subnet.slice(subnet.indexOf('/')));
}

function findBridge(host: Rtnetlink, name: string): Link | undefined {
  const link = findLink(host, name);
  if (link !== undefined && link.info?.link?.kind !== 'bridge') {
    throw new NotABridge(`the host's interface ${name} is not a bridge`);
  }
  return link;
}

/**
 * The bridge's own hardware address. The kernel would take the least of its ports', another one whenever one comes or
 * goes, and neighbours would look for the gateway anew. 02:42 and the end of its address, as endpoints have theirs.
 */
function macOf({ subnets }: NetworkShape): string | undefined {
  const gateway = parseAddress((subnets.find(({ family }) => family === 4) ?? subnets[0])?.gateway ?? '');
  return gateway && MAC.read(Buffer.concat([Buffer.of(0x02, 0x42), bytesOf(gateway).subarray(-4)]));
}

function makeBridge(host: Rtnetlink, network: NetworkShape): Link {
  const { bridge, mtu } = network;
  const mac = macOf(network);
  // Without snooping: its timers and tables cost every port, and who floods multicast here is a container of the network.
  const info = { link: { kind: 'bridge', data: { isSnooping: false } } } as const;
  host.batch([newLink({ settings: { name: bridge, mtu, ...(mac !== undefined && { mac }) }, info })]);
  const made = findBridge(host, bridge);
  if (made === undefined) throw new Error(`the bridge ${bridge} is gone as soon as it was made`);
  return made;
}

/** Addresses of global scope that it should not have go, those that are missing come; link-local ones are the kernel's. */
function addressChanges(host: Rtnetlink, link: Link, network: NetworkShape): Change[] {
  const wanted = new Set(wantedAddresses(network));
  const changes: Change[] = [];
  for (const address of listAddresses(host, link)) {
    if (address.scope !== SCOPE_GLOBAL) continue;
    const cidr = cidrOf(address);
    // One that was found to be elsewhere too is there but not in use.
    const isUsable = (address.flags & ADDRESS_FLAG.duplicate) === 0;
    if (cidr !== undefined && isUsable && wanted.delete(cidr)) continue;
    changes.push(deleteAddress(address));
  }
  return [...changes, ...[...wanted].map((cidr) => newAddress(globalAddress(link.index, cidr)))];
}

/**
 * The network's bridge is there, with its MTU and the host's addresses, and up. Changes nothing where all is right.
 *
 * @throws NotABridge; NetlinkError in the kernel's words
 */
export function ensureBridge(host: Rtnetlink, network: NetworkShape): void {
  const link = findBridge(host, network.bridge) ?? makeBridge(host, network);
  writeLinkSettings(
    link.name,
    network.subnets.some(({ family }) => family === 6),
  );
  const { index, name } = link;
  const changes = addressChanges(host, link, network);
  if (!link.isUp || link.settings.mtu !== network.mtu) {
    const settings = { mtu: network.mtu };
    changes.push({ ...changeLink({ index, isUp: true, settings }), step: `set the bridge ${name} up` });
  }
  host.batch(changes);
}

/** Also where it is not there. What is attached to it stays. @throws NotABridge; NetlinkError */
export function removeBridge(host: Rtnetlink, name: string): void {
  const link = findBridge(host, name);
  if (link === undefined) return;
  try {
    host.batch([deleteLink(link)]);
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === ENODEV)) throw error;
  }
}
