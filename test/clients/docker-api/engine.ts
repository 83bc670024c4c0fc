/** The engines that are compared: each in a room of its own, with its own network, a registry on loopback, the same images. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '../../harness/client.ts';
import { run, type Finished } from '../../harness/daemon.ts';
import { until } from '../../harness/until.ts';
import { Room } from '../room.ts';
import { writeImages, type Archive } from './images.ts';

const TARED = join(import.meta.dirname, '../../../bin/tared');

/** Where each room has its registry: the same name in both, as names stand in answers. */
export const REGISTRY = '127.0.0.1:5000';
/** One that wants a password: "me", "secret". */
export const LOCKED_REGISTRY = '127.0.0.1:5001';
/** "me" and "secret", as htpasswd -B writes them. */
const HTPASSWD = 'me:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n';

export type Kind = 'dockerd' | 'tare';

export class Engine {
  readonly kind: Kind;
  readonly room: Room;
  readonly client: Client;
  readonly images: Archive;
  /** A script that is docker's CLI of this engine. */
  private readonly cli: string;
  /** The daemon's and the registries'; a room's end ends them. */
  private readonly children: readonly ChildProcess[];

  private constructor(kind: Kind, room: Room, images: Archive, children: readonly ChildProcess[]) {
    this.kind = kind;
    this.room = room;
    this.images = images;
    this.children = children;
    this.client = new Client(room.outside(SOCKETS[kind]));
    // One that hangs ends with 124.
    this.cli = room.tool('docker', ['timeout', '40', '/usr/bin/docker'], {
      DOCKER_HOST: `unix://${SOCKETS[kind]}`,
      DOCKER_CONFIG: join(room.data, 'cli'),
      DOCKER_BUILDKIT: '0',
    });
  }

  static open(kind: Kind): Promise<Engine> {
    return Room.open(async (room) => {
      await room.run('mkdir', '-p', '/run/engine');
      // In the room from inside it, where nobody asks for a resolver that is not there.
      const daemon = COMMANDS[kind](room);
      const children = [daemon, startRegistry(room, REGISTRY, false), startRegistry(room, LOCKED_REGISTRY, true)];
      const engine = new Engine(kind, room, writeImages(room.folder), children);
      let log = '';
      daemon.stderr?.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-20_000)));
      await until(`${kind} answers`, async () => {
        if (daemon.exitCode !== null) throw new Error(`${kind} ended: ${log}`);
        return existsSync(room.outside(SOCKETS[kind])) && (await engine.client.send('GET', '/_ping')).status === 200;
      });
      const { code, stderr } = await engine.docker('load', '--quiet', '--input', engine.images.path);
      if (code !== 0) throw new Error(`${kind} does not load the images: ${stderr}`);
      return engine;
    });
  }

  docker(...args: string[]): Promise<Finished> {
    return run(this.cli, args);
  }

  dockerWith(input: string | Buffer, ...args: string[]): Promise<Finished> {
    return run(this.cli, args, { input });
  }

  /** A path on the "host" of the engine, seen from here too. */
  hostPath(...parts: string[]): string {
    const path = join(this.room.folder, 'host', ...parts);
    mkdirSync(join(path, '..'), { recursive: true });
    return path;
  }

  get socket(): string {
    return SOCKETS[this.kind];
  }

  /** What runs is removed first: its control groups are the engine's. */
  async close(): Promise<void> {
    try {
      const { body } = await this.client.send<{ Id: string }[]>('GET', '/v1.41/containers/json?all=1');
      for (const { Id: id } of body) await this.client.send('DELETE', `/v1.41/containers/${id}?force=1&v=1`);
    } finally {
      this.client.close();
      const ended = Promise.all(this.children.filter(runs).map((child) => once(child, 'close')));
      if (this.kind === 'tare') await this.endDaemon();
      await this.room.close();
      await ended;
    }
  }

  private async endDaemon(): Promise<void> {
    const [daemon] = this.children;
    if (daemon?.exitCode !== null) return;
    // not its stderr's end: what it started may hold that
    const ended = once(daemon, 'exit');
    // The script becomes nsenter, which waits for the daemon and would die of the signal alone.
    const children = readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, 'utf8').trim().split(' ');
    for (const child of children) process.kill(Number(child), 'SIGTERM');
    await ended;
  }
}

const runs = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null;

const SOCKETS: Readonly<Record<Kind, string>> = {
  dockerd: '/run/engine/docker.sock',
  tare: '/run/engine/tare.sock',
};

const COMMANDS: Readonly<Record<Kind, (room: Room) => ChildProcess>> = {
  dockerd: (room) => {
    const file = join(room.folder, 'daemon.json');
    writeFileSync(file, '{}');
    const program = room.tool('dockerd', [
      'dockerd',
      ...['--config-file', file, '--host', `unix://${SOCKETS.dockerd}`, '--pidfile', '/run/engine/pid'],
      ...['--data-root', join(room.data, 'root'), '--exec-root', '/run/engine/exec'],
      ...['--storage-driver', 'overlay2', '--cgroup-parent', room.group, '--exec-opt', 'native.cgroupdriver=cgroupfs'],
    ]);
    return spawn(program, { stdio: ['ignore', 'ignore', 'pipe'] });
  },
  tare: (room) => {
    const places = ['--root', join(room.data, 'root'), '--run', '/run/engine', '--socket', SOCKETS.tare];
    const program = room.tool('tared', [TARED, ...places, '--log-level', 'info', '--default-network', 'bridge']);
    return spawn(program, { stdio: ['ignore', 'ignore', 'pipe'] });
  },
};

/** docker-registry of Debian; what it holds ends with the room. */
function startRegistry(room: Room, address: string, isLocked: boolean): ChildProcess {
  const name = `registry-${address.split(':')[1] ?? ''}`;
  const passwords = join(room.folder, `${name}.htpasswd`);
  writeFileSync(passwords, HTPASSWD);
  const configuration = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(room.data, name) }, delete: { enabled: true } },
    http: { addr: address },
    ...(isLocked ? { auth: { htpasswd: { realm: 'a test', path: passwords } } } : {}),
  };
  const file = join(room.folder, `${name}.yml`);
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(configuration));
  return spawn(room.tool(name, ['docker-registry', 'serve', file]), { stdio: 'ignore' });
}
