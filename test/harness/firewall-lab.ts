/**
 * What the firewall is tried on: a host with an outside and networks of several containers, all of them namespaces of the
 * test's own. Bridges and veths are made as the daemon makes them; there is no daemon.
 *
 *     outside ── out0 203.0.113.2 ─── up0 203.0.113.1, .11 ── host ── bridges ── containers
 *
 * The outside is a neighbour that means ill: it has routes to the networks.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { Firewall } from '../../daemon/network/firewall/firewall.ts';
import { PROTOCOL } from '../../daemon/network/netfilter/nftables/values.ts';
import { ensureBridge } from '../../daemon/network/plane/bridge.ts';
import { attachEndpoint } from '../../daemon/network/plane/endpoint.ts';
import { needForwarding } from '../../daemon/network/plane/settings.ts';
import { Rtnetlink } from '../../daemon/network/rtnetlink/connection.ts';
import type { NetworkLog, NetworkShape, PortMapping } from '../../daemon/network/types.ts';
import { systemCall } from '../../native-bindings/libc.ts';
import { inNetworkNamespace } from '../../native-bindings/netlink.ts';
import { HOST, Keeper, OUTSIDE, setting } from './network.ts';
import { compileTalk, Place, type Protocol } from './place.ts';

const AF_INET = 2;
const SOCK_RAW = 3;
const rawSocket = systemCall<[domain: number, type: number, protocol: number]>(
  'int socket(int domain, int type, int protocol)',
);
const rawSend = systemCall<
  [fd: number, bytes: Uint8Array, size: number, flags: number, address: Uint8Array, addressSize: number]
>('long sendto(int fd, const void *bytes, size_t size, int flags, const void *address, uint addressSize)');

export const TABLE = 'tare-test';

/** Four networks: a, b, one internal, and one whose containers do not reach each other. */
function network(number: number, more: Partial<NetworkShape> = {}): NetworkShape {
  return {
    id: String(number).repeat(64),
    bridge: `tare-test-${number}`,
    mtu: 1500,
    internal: false,
    interContainer: true,
    subnets: [
      { family: 4, subnet: `10.77.${number}.0/24`, gateway: `10.77.${number}.1`, range: undefined },
      { family: 6, subnet: `fd77:${number}::/64`, gateway: `fd77:${number}::1`, range: undefined },
    ],
    ...more,
  };
}

export const NETWORKS = {
  a: network(1),
  b: network(2),
  inner: network(3, { internal: true }),
  apart: network(4, { interContainer: false }),
} as const;
export type NetworkName = keyof typeof NETWORKS;

export const gateway = (name: NetworkName, family: 4 | 6): string =>
  NETWORKS[name].subnets.find((subnet) => subnet.family === family)?.gateway ?? '';

export interface Inhabitant {
  readonly place: Place;
  readonly v4: string;
  readonly v6: string;
  readonly pid: number;
}

/** A port of the host that leads to a container's, in both families. */
export function published(
  protocol: PortMapping['protocol'],
  hostPort: number,
  to: Pick<Inhabitant, 'v4' | 'v6'>,
  { containerPort = 80, count = 1, at = ['0.0.0.0', '::'] } = {},
): PortMapping[] {
  return at.map((hostAddress) => {
    const containerAddress = hostAddress.includes(':') ? to.v6 : to.v4;
    return { protocol, hostAddress, hostPort, count, containerAddress, containerPort };
  });
}

/** Keeps the warnings and errors. */
export class RecordedLog implements NetworkLog {
  readonly lines: string[] = [];
  info(): void {
    // Of no interest here.
  }
  warn(fields: object, message: string): void {
    this.lines.push(`warn ${message} ${JSON.stringify(fields)}`);
  }
  error(fields: { error?: unknown }, message: string): void {
    this.lines.push(`error ${message} ${String(fields.error)}`);
  }
}

export class FirewallLab {
  readonly log = new RecordedLog();
  readonly firewall = Firewall.open({ table: TABLE, log: this.log });
  readonly host: Place;
  readonly outside: Place;
  private readonly folder: string;
  private readonly connection: Rtnetlink;
  private readonly keepers: Keeper[];
  private readonly places: Place[];
  private count = 0;

  private constructor(folder: string, keeper: Keeper) {
    this.folder = folder;
    this.connection = Rtnetlink.open();
    this.keepers = [keeper];
    this.host = new Place(this.talk);
    this.outside = new Place(this.talk, entering(keeper.pid));
    this.places = [this.host, this.outside];
  }

  private get talk(): string {
    return join(this.folder, 'talk');
  }

  /** The calling thread must be in a network namespace of its own already: it becomes the host's. */
  static async open(): Promise<FirewallLab> {
    const folder = mkdtempSync(join(tmpdir(), 'tare-firewall-'));
    compileTalk(join(folder, 'talk'));
    const lab = new FirewallLab(folder, await Keeper.open());
    lab.linkOutside();
    for (const shape of Object.values(NETWORKS)) ensureBridge(lab.connection, shape);
    needForwarding([4, 6], () => undefined);
    return lab;
  }

  private linkOutside(): void {
    const { host, outside } = this;
    host.ip('link', 'set', 'lo', 'up');
    host.ip('link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'out0', 'netns', String(this.keepers[0]?.pid));
    const addresses = (place: Place, device: string, ...all: string[]): void => {
      place.ip('link', 'set', device, 'up');
      for (const address of all)
        place.ip('address', 'add', address, 'dev', device, ...(address.includes(':') ? ['nodad'] : []));
    };
    addresses(host, 'up0', `${HOST.v4}/24`, `${HOST.second4}/24`, `${HOST.v6}/64`);
    addresses(outside, 'lo');
    addresses(outside, 'out0', `${OUTSIDE.v4}/24`, `${OUTSIDE.v6}/64`);
    outside.ip('route', 'add', '10.77.0.0/16', 'via', HOST.v4);
    outside.ip('-6', 'route', 'add', 'fd77::/16', 'via', HOST.v6);
  }

  /** A container in a network. */
  async join(name: NetworkName): Promise<Inhabitant> {
    const { bridge, interContainer } = NETWORKS[name];
    const keeper = await Keeper.open();
    this.keepers.push(keeper);
    const number = ++this.count + 1;
    const v4 = gateway(name, 4).replace(/1$/, String(number));
    const v6 = gateway(name, 6).replace(/1$/, String(number));
    this.inNamespace(keeper.pid, (namespace) =>
      attachEndpoint(this.connection, namespace, {
        hostInterface: `tvtest${number}`,
        bridge,
        mtu: 1500,
        interface: 'eth0',
        mac: `02:42:00:00:00:${String(number).padStart(2, '0')}`,
        isolated: !interContainer,
        addresses: [`${v4}/24`, `${v6}/64`],
        gateways: [gateway(name, 4), gateway(name, 6)],
      }),
    );
    const place = new Place(this.talk, entering(keeper.pid));
    place.ip('link', 'set', 'lo', 'up');
    this.places.push(place);
    return { place, v4, v6, pid: keeper.pid };
  }

  private inNamespace<T>(pid: number, act: (namespace: number) => T): T {
    const namespace = openSync(`/proc/${pid}/ns/net`, 'r');
    try {
      return act(namespace);
    } finally {
      closeSync(namespace);
    }
  }

  /** nft(8) where `enter` leads; its output. */
  nft(enter: readonly string[], ...words: readonly string[]): string {
    const [program = '', ...args] = [...enter, 'nft', ...words];
    return execFileSync(program, args, { encoding: 'utf8' });
  }

  get outsidePid(): number {
    return this.keepers[0]?.pid ?? 0;
  }

  /** A packet of SCTP from the namespace of `pid`: few kernels have sockets of it. */
  sendSctp(pid: number, address: string, packet: Uint8Array): void {
    const fd = this.inNamespace(pid, (namespace) =>
      inNetworkNamespace(namespace, () => rawSocket(AF_INET, SOCK_RAW, PROTOCOL.sctp)),
    );
    try {
      const to = Buffer.alloc(16); // struct sockaddr_in
      to.writeUInt16LE(AF_INET, 0);
      to.set(address.split('.').map(Number), 4);
      rawSend(fd, packet, packet.length, 0, to, to.length);
    } finally {
      closeSync(fd);
    }
  }

  async close(): Promise<void> {
    this.firewall.removeAll();
    this.firewall.close();
    this.connection.close();
    await Promise.all(this.places.map((place) => place.close()));
    await Promise.all(this.keepers.map((keeper) => keeper.close()));
    rmSync(this.folder, { recursive: true });
  }
}

export const entering = (pid: number): string[] => ['nsenter', '--target', String(pid), '--net', '--'];

const BRIDGE_SETTINGS = ['bridge/bridge-nf-call-iptables', 'bridge/bridge-nf-call-ip6tables'];

/** Whether bridged packets pass the host's rules, as Docker and Kubernetes have it; only "off" where the kernel has it not. */
export const BRIDGE_MODES: readonly ('on' | 'off')[] = existsSync(`/proc/sys/net/${BRIDGE_SETTINGS[0]}`)
  ? ['on', 'off']
  : ['off'];

export function setBridgeMode(mode: 'on' | 'off'): void {
  if (BRIDGE_MODES.length === 1) return;
  for (const key of BRIDGE_SETTINGS) setting.write(key, mode === 'on' ? '1' : '0');
}

export const FAMILIES = [4, 6] as const;
export const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp'];
export const LOOPBACK = { v4: '127.0.0.1', v6: '::1' } as const;

export const of = (who: { readonly v4: string; readonly v6: string }, family: 4 | 6): string =>
  family === 4 ? who.v4 : who.v6;

export async function each(check: (protocol: Protocol, family: 4 | 6) => Promise<unknown>): Promise<void> {
  await Promise.all(PROTOCOLS.flatMap((protocol) => FAMILIES.map((family) => check(protocol, family))));
}

/** `from` asks `host`; who is asked sees `peer` come, to `at`. */
export async function reaches(
  from: Place,
  protocol: Protocol,
  host: string,
  port: number,
  { peer, at }: { peer: string; at: string },
): Promise<void> {
  assert.equal(await from.ask(protocol, host, port), `${peer} ${at}`, `${protocol} ${host} ${port}`);
}

/** Nobody answers. (EHOSTUNREACH: a neighbour that does not even tell its hardware address.) */
export async function isSilent(from: Place, protocol: Protocol, host: string, port: number): Promise<void> {
  const answer = await from.askInVain(protocol, host, port);
  assert.match(answer, /^(connect|answer) (ETIMEDOUT|EHOSTUNREACH)$/, `${protocol} ${host} ${port}`);
}

/** Its own loopback is gone: what it sends to 127.0.0.1 and ::1 goes to `via4` and `via6`. */
export function loseLoopback(place: Place, via4: string, via6: string): void {
  for (const address of ['127.0.0.1', '127.0.0.0/8', '::1']) {
    place.ip('route', 'del', 'local', address, 'dev', 'lo', 'table', 'local');
  }
  place.ip('route', 'add', '127.0.0.0/8', 'via', via4);
  place.ip('route', 'add', '::1', 'via', via6);
}
