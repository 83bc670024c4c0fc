/**
 * A network of the test's own, so that the machine's is not touched: a namespace that stands for the host, in which
 * the test's thread and its daemon are, and one that stands for the world outside. A veth pair links them.
 *
 *     outside ── out0 203.0.113.2 ─── up0 203.0.113.1, .11 ── host ── the daemon's bridges ── containers
 *       └ lo 198.51.100.1, reached by the host's default route
 *
 * The outside knows no route to any container: what it can answer came from an address of the host's.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemCall } from '../../native-bindings/libc.ts';
import { TestDaemon, type DaemonSettings } from './daemon.ts';
import { failing, nameIn, Outside, saying } from './dns.ts';
import { compileTalk, Place } from './place.ts';
import { until } from './until.ts';

const CLONE_NEWNET = 0x40000000;
const unshare = systemCall<[flags: number]>('int unshare(int flags)');
const setns = systemCall<[fd: number, type: number]>('int setns(int fd, int type)');

/** Addresses that RFC 5737 and RFC 3849 keep for documents: no network of anybody's has them. */
export const HOST = { v4: '203.0.113.1', v6: '2001:db8:1::1', second4: '203.0.113.11', second6: '2001:db8:1::11' };
export const OUTSIDE = { v4: '203.0.113.2', v6: '2001:db8:1::2', far4: '198.51.100.1', far6: '2001:db8:2::1' };

/** Where the host's resolver listens, and what it says of any name in ".example". */
export const RESOLVER = '127.0.0.9';
export const WORLD = '192.0.2.80';
const NXDOMAIN = 3;

export const setting = {
  read: (key: string): string => readFileSync(`/proc/sys/net/${key}`, 'utf8').trim(),
  write: (key: string, value: string): void => writeFileSync(`/proc/sys/net/${key}`, value),
};

/** A namespace of its own that lives as long as the test does. */
export class Keeper {
  readonly pid: number;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, pid: number) {
    this.child = child;
    this.pid = pid;
  }

  static async open(): Promise<Keeper> {
    const child = spawn('unshare', ['--net', 'sh', '-c', 'echo there; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    if (child.pid === undefined) throw new Error('no namespace');
    return new Keeper(child, child.pid);
  }

  async close(): Promise<void> {
    const ended = once(this.child, 'close');
    this.child.stdin?.end();
    await ended;
  }
}

/** Links the test's namespace with that of `pid`, and gives both their addresses. */
function link(host: Place, outside: Place, pid: number): void {
  host.ip('link', 'set', 'lo', 'up');
  host.ip('link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'out0', 'netns', String(pid));
  const addresses = (place: Place, device: string, v4: readonly string[], v6: readonly string[]): void => {
    place.ip('link', 'set', device, 'up');
    for (const address of v4) place.ip('address', 'add', address, 'dev', device);
    for (const address of v6) place.ip('address', 'add', address, 'dev', device, 'nodad');
  };
  addresses(host, 'up0', [`${HOST.v4}/24`, `${HOST.second4}/24`], [`${HOST.v6}/64`]);
  // Deprecated: what the host begins itself never has it as its source. IPv4 prefers the first of a subnet anyway.
  host.ip('address', 'add', `${HOST.second6}/64`, 'dev', 'up0', 'nodad', 'preferred_lft', '0');
  addresses(outside, 'out0', [`${OUTSIDE.v4}/24`], [`${OUTSIDE.v6}/64`]);
  addresses(outside, 'lo', [`${OUTSIDE.far4}/32`], [`${OUTSIDE.far6}/128`]);
  host.ip('route', 'add', 'default', 'via', OUTSIDE.v4);
  host.ip('-6', 'route', 'add', 'default', 'via', OUTSIDE.v6);
  // The machine's may be on, and IPv4's is handed down to a new namespace.
  setting.write('ipv4/ip_forward', '0');
  setting.write('ipv6/conf/all/forwarding', '0');
}

/** What a networked container is asked for beside its command. */
export type Wish = Record<string, unknown>;

/** What inspect says of a container's networks. */
export interface Networked {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly pid?: number;
  readonly networkMode: string;
  readonly networks: readonly string[];
  readonly endpoints: readonly {
    network: string;
    networkName: string;
    interface?: string;
    mac?: string;
    ipv4?: string;
    ipv6?: string;
    gateway4?: string;
    gateway6?: string;
    aliases: readonly string[];
  }[];
  readonly ports: readonly {
    containerPort: number;
    hostPort?: number;
    count: number;
    hostAddress?: string;
    protocol: string;
  }[];
}

/** A container that listens, and what is known of it. */
export interface Listener {
  readonly id: string;
  /** The program is in it, and resolves names as the container does. */
  readonly place: Place;
  /** Without prefix length, of its first network. */
  readonly v4: string;
  readonly v6: string;
}

export interface RoomSettings extends DaemonSettings {
  /** The daemon has the machine's mounts, and its resolv.conf: what it mounts is there for the test. */
  readonly machineMounts?: boolean;
  /** Runs in the room's host namespace before the daemon starts. */
  readonly prepare?: (host: Place) => void;
}

/** What is there before the daemon and goes after it. */
interface Walls {
  readonly outside: Keeper;
  readonly names: Outside;
  /** Of the resolv.conf. */
  readonly folder: string;
  /** The descriptor of the namespace that the test came from. */
  readonly machine: number;
}

export class NetworkRoom {
  readonly daemon: TestDaemon;
  readonly host: Place;
  readonly outside: Place;
  /** The resolver that the host asks. */
  readonly names: Outside;
  private readonly walls: Walls;

  private constructor(daemon: TestDaemon, host: Place, outside: Place, walls: Walls) {
    this.daemon = daemon;
    this.host = host;
    this.outside = outside;
    this.names = walls.names;
    this.walls = walls;
  }

  /**
   * From here until `close` this thread and what it spawns are in the room's host namespace. The daemon's default
   * network is "bridge".
   */
  static async open({ machineMounts = false, prepare, ...settings }: RoomSettings = {}): Promise<NetworkRoom> {
    const walls = await build();
    try {
      const enter = namespaceOf(walls.outside.pid);
      prepare?.(new Place(''));
      const daemon = await TestDaemon.open({
        args: ['--default-network', 'bridge', ...(settings.args ?? [])],
        under: [...(machineMounts ? [] : resolving(walls.folder)), ...(settings.under ?? [])],
      });
      const program = join(daemon.rootfs, 'bin/talk');
      compileTalk(program);
      return new NetworkRoom(daemon, new Place(program), new Place(program, enter), walls);
    } catch (error) {
      await takeDown(walls);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.host.close();
    await this.outside.close();
    await this.daemon.close();
    await takeDown(this.walls);
  }

  /** The network of a running container with the host's tree and all privileges: what an attacker in it may gain. */
  async networkOf(id: string): Promise<Place> {
    return new Place(join(this.daemon.rootfs, 'bin/talk'), namespaceOf(await this.daemon.hostPid(id)));
  }

  /** Inside a running container: its network and its tree. */
  async inside(id: string): Promise<Place> {
    const pid = await this.daemon.hostPid(id);
    return new Place('/bin/talk', ['nsenter', '--target', String(pid), '--net', '--mount', '--']);
  }

  inspect(id: string): Promise<Networked> {
    return this.daemon.client.must<Networked>('GET', `/v1/containers/${id}`);
  }

  /** A container that runs and waits. */
  async idle(request: Wish = {}): Promise<Listener> {
    return this.started(await this.daemon.create(['sleep', '1000000'], request));
  }

  /** A container that listens at `specs`, as `Place.serve`; it is there when this returns. */
  async listener(specs: readonly string[], request: Wish = {}): Promise<Listener> {
    const listener = await this.started(await this.daemon.create(['talk', 'serve', ...specs], request));
    await this.listens(listener.id);
    return listener;
  }

  async listens(id: string): Promise<void> {
    await until(`${id} listens`, async () => (await this.daemon.logText(id, 'stdout')).startsWith('ready\n'));
  }

  /** Who came to a container's server. */
  async seen(id: string): Promise<string[]> {
    return (await this.daemon.logText(id, 'stdout')).split('\n').slice(1, -1);
  }

  async started(id: string): Promise<Listener> {
    await this.daemon.client.must('POST', `/v1/containers/${id}/start`);
    const [first] = (await this.inspect(id)).endpoints;
    const bare = (address: string | undefined): string => address?.split('/')[0] ?? '';
    return { id, place: await this.inside(id), v4: bare(first?.ipv4), v6: bare(first?.ipv6) };
  }

  async remove(...containers: readonly (string | { id: string })[]): Promise<void> {
    for (const container of containers) {
      const id = typeof container === 'string' ? container : container.id;
      await this.daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
    }
  }

  async network(name: string, request: Wish = {}): Promise<string> {
    return (await this.daemon.client.must<{ id: string }>('POST', '/v1/networks', { name, ...request })).id;
  }
}

const namespaceOf = (pid: number): string[] => ['nsenter', '--target', String(pid), '--net', '--'];

async function build(): Promise<Walls> {
  const machine = openSync('/proc/thread-self/ns/net', 'r');
  unshare(CLONE_NEWNET);
  try {
    const outside = await Keeper.open();
    link(new Place(''), new Place('', namespaceOf(outside.pid)), outside.pid);
    const names = await Outside.open(RESOLVER);
    names.reply = (query) => {
      const known = nameIn(query).endsWith('.example') && query.questions?.[0]?.type === 'A';
      return known ? saying(WORLD)(query) : failing(NXDOMAIN)(query);
    };
    const folder = mkdtempSync(join(tmpdir(), 'tare-resolv-'));
    writeFileSync(join(folder, 'resolv.conf'), `nameserver ${RESOLVER}\n`);
    return { outside, names, folder, machine };
  } catch (error) {
    leave(machine);
    throw error;
  }
}

async function takeDown({ outside, names, folder, machine }: Walls): Promise<void> {
  names.close();
  await outside.close();
  rmSync(folder, { recursive: true, force: true });
  leave(machine);
}

/** A command before the daemon's: in a mount namespace of its own it sees the room's resolv.conf. */
function resolving(folder: string): string[] {
  const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
  return ['unshare', '--mount', 'sh', '-c', script, join(folder, 'resolv.conf')];
}

/** Back to where the test came from. */
function leave(machine: number): void {
  setns(machine, CLONE_NEWNET);
  closeSync(machine);
}
