/**
 * A further bridge of a network whose own has no port left: a bridge without addresses, joined to the first one by a
 * pair of veths. All further ones are joined to the first alone, so there is no loop.
 *
 * Where the host filters what it bridges (br_netfilter), the firewall passes over these bridges: what they bridge meets
 * it at the first one. One thing is lost there: a container that reaches another one of the same further bridge by its
 * published port would have to be bridged back by the port it came from, and a port between bridges cannot do that
 * without giving every broadcast back as well.
 */
import type { NetworkShape } from '../types.ts';
import type { Rtnetlink } from '../rtnetlink/connection.ts';
import { changeLink, findLink, newLink, type Link } from '../rtnetlink/links.ts';
import { EndpointError } from './endpoint.ts';
import { writeExtensionSettings } from './settings.ts';

export interface Extension {
  /** Of the bridge. */
  readonly name: string;
  /** Of the veth that is a port of the network's own bridge, and of its other end, a port of this one. */
  readonly near: string;
  readonly far: string;
}

/**
 * It is there, joined and up. Where containers of the network do not reach each other, its port of the first bridge is
 * isolated as theirs are: so they do not from bridge to bridge either, and all reach the host.
 *
 * @throws NetlinkError; EndpointError where the network's bridge is not there
 */
export function ensureExtension(host: Rtnetlink, network: NetworkShape, { name, near, far }: Extension): void {
  const first = findLink(host, network.bridge);
  if (first === undefined) throw new EndpointError(`the host has no interface ${network.bridge}`);
  const { mtu } = network;
  if (findLink(host, name) === undefined) {
    host.batch([newLink({ settings: { name, mtu }, info: { link: { kind: 'bridge', data: { isSnooping: false } } } })]);
  }
  writeExtensionSettings(name);
  const bridge = findLink(host, name);
  if (bridge === undefined) throw new EndpointError(`the bridge ${name} is gone as soon as it was made`);
  const join = findLink(host, near);
  if (join !== undefined && join.settings.master !== first.index) {
    throw new EndpointError(`${near}, which is to join ${name} to ${network.bridge}, is a port of another bridge`);
  }
  if (join === undefined) joinBridges(host, [first, bridge], [near, far], mtu);
  const port = { kind: 'bridge', data: { isIsolated: !network.interContainer } } as const;
  host.batch([
    changeLink({ isUp: true, settings: { name: near }, info: { port } }, `set ${near} up: the link`),
    changeLink({ isUp: true, settings: { name: far } }, `set ${far} up: the link`),
    changeLink({ isUp: true, settings: { name } }, `set the bridge ${name} up`),
  ]);
}

function joinBridges(
  host: Rtnetlink,
  masters: readonly [Link, Link],
  names: readonly [string, string],
  mtu: number,
): void {
  const [near, far] = names;
  const peer = { settings: { name: far, mtu } };
  const settings = { name: near, mtu, master: masters[0].index };
  // the kernel gives a master to the end that is made, not to its peer
  host.batch([
    newLink({ settings, info: { link: { kind: 'veth', peer } } }),
    changeLink({ settings: { name: far, master: masters[1].index } }, `make ${far} a port`),
  ]);
}
