/** The bridges of networks on the host: which of them a veth is a port of, and how all of a network's go. */
import { detachEndpoint } from '../../network/plane/detach.ts';
import { indexOfBridge } from '../../network/plane/endpoint.ts';
import { ensureExtension } from '../../network/plane/extension.ts';
import type { Rtnetlink } from '../../network/rtnetlink/connection.ts';
import { listLinks } from '../../network/rtnetlink/links.ts';
import type { EndpointShape, NetworkShape } from '../../network/types.ts';
import { EngineError } from '../errors.ts';
import { vethPrefix } from '../networks/bridge-name.ts';
import { BridgePorts, isExtension } from './bridge-ports.ts';

export class Bridges {
  private readonly tag: string;
  private readonly ports: BridgePorts;
  /** As long as nothing says that a link of the name is gone: to ask takes as long as to make a veth a port. */
  private readonly indexes = new Map<string, number>();

  /** `tag`: of the names of our interfaces. `most`: endpoints on one bridge. */
  constructor(tag: string, most: number) {
    this.tag = tag;
    this.ports = new BridgePorts(tag, most);
  }

  /**
   * The endpoint as a port of the network's own bridge while that has one left, else of a further one, which is made.
   *
   * @throws EngineError `pool_exhausted`; what ensureExtension throws
   */
  place(connection: Rtnetlink, endpoint: EndpointShape, network: NetworkShape | undefined): EndpointShape {
    const { bridge, hostInterface } = endpoint;
    const number = this.ports.choose(bridge);
    if (number === undefined) throw new EngineError('pool_exhausted', `no bridge beside ${bridge} has a port left`);
    if (number === 0 || network === undefined) {
      this.ports.take(hostInterface, bridge);
      return endpoint;
    }
    const extension = this.ports.extension(bridge, number);
    ensureExtension(connection, network, extension);
    this.ports.take(hostInterface, extension.name);
    return { ...endpoint, bridge: extension.name };
  }

  /** Throws as indexOfBridge does. */
  indexOf(connection: Rtnetlink, name: string): number {
    const index = this.indexes.get(name) ?? indexOfBridge(connection, name);
    this.indexes.set(name, index);
    return index;
  }

  forgetIndex(name: string): void {
    this.indexes.delete(name);
  }

  /** Some of them may be other links by now, or none. */
  forgetIndexes(): void {
    this.indexes.clear();
  }

  /** Its port is free again. */
  release(hostInterface: string): void {
    this.ports.release(hostInterface);
  }

  /** Which ports are taken, as the host has it: after a former daemon, or where news of it was missed. */
  count(connection: Rtnetlink): void {
    this.ports.clear();
    const links = listLinks(connection);
    const names = new Map(links.map(({ index, name }) => [index, name]));
    for (const { name, settings } of links) {
      const master = settings.master === undefined ? undefined : names.get(settings.master);
      if (master !== undefined && name.startsWith(vethPrefix(this.tag))) this.ports.take(name, master);
    }
  }

  /**
   * Takes away the network's own bridge and its further ones, on threads: the kernel takes some 50 ms for each. Another
   * interface of such a name stays.
   *
   * @throws NetlinkError, SystemError
   */
  async remove(connection: Rtnetlink, { bridge }: NetworkShape): Promise<void> {
    const links = listLinks(connection);
    const ours = links.filter(
      ({ name, info }) => info?.link?.kind === 'bridge' && (name === bridge || isExtension(this.tag, name, bridge)),
    );
    const pairs = ours.map(({ name }) => this.ports.nearOf(name)).filter((name) => name !== undefined);
    const there = new Set(links.map(({ name }) => name));
    const names = [...pairs.filter((name) => there.has(name)), ...ours.map(({ name }) => name)];
    await Promise.all(names.map((name) => detachEndpoint(name)));
    for (const { name } of ours) this.ports.forget(name);
  }
}
