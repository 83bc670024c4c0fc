/**
 * A further bridge of a network whose own has no port left: a bridge without addresses, joined to the first one by a
 * pair of veths. All further ones are joined to the first alone, so there is no loop.
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
  if (findLink(host, near) === undefined) join(host, [first, bridge], [near, far], mtu);
  const port = { kind: 'bridge', data: { isIsolated: !network.interContainer } } as const;
  host.batch([
    changeLink({ isUp: true, settings: { name: near }, info: { port } }, `set ${near} up: the link`),
    changeLink({ isUp: true, settings: { name: far } }, `set ${far} up: the link`),
    changeLink({ isUp: true, settings: { name } }, `set the bridge ${name} up`),
  ]);
}

function join(host: Rtnetlink, masters: readonly [Link, Link], names: readonly [string, string], mtu: number): void {
  const [near, far] = names;
  const peer = { settings: { name: far, mtu, master: masters[1].index } };
  const settings = { name: near, mtu, master: masters[0].index };
  host.batch([newLink({ settings, info: { link: { kind: 'veth', peer } } })]);
}
