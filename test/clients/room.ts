/**
 * A room for one client and its daemons: mount, process and network namespaces of its own. What they mount, start
 * and configure (/run, /etc, /opt, the locks in /dev/shm, the stores of images) is in there alone, and one SIGKILL
 * ends all of it. Of the host they touch only control groups below `group`, which `close` removes.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, type Finished } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';
import { VIEW } from './runtime.ts';

const HIERARCHIES = '/sys/fs/cgroup';

/** Where the programs of the clients are: a login of root's need not have the sbin folders. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Furnishes the room: $1 is the folder of the engines' data, $2 the view of the control groups. /etc and /var/lib are
 * layers over the host's: podman is given a range of ids for --userns=auto, and keeps a cache of blobs. The first process
 * reaps whoever is orphaned (tini), and ends with the test that holds its stdin.
 */
const FURNISH = `
set -e
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /opt
mount -t tmpfs -o mode=700 tmpfs "$1"
for place in /etc /var/lib; do
  layer=/run/layers$place
  mkdir -p $layer/upper $layer/work
  mount -t overlay -o lowerdir=$place,upperdir=$layer/upper,workdir=$layer/work overlay $place
done
echo containers:200000:262144 > /etc/subuid
echo containers:200000:262144 > /etc/subgid
busybox ip link set lo up
[ "$2" = host ] || umount ${HIERARCHIES}/unified
echo furnished
exec tini -- cat
`;

const NAMESPACES = ['--mount', '--propagation', 'private', '--pid', '--fork', '--mount-proc', '--net'];

export class Room {
  /** Seen from inside and outside: scripts, archives, volumes. */
  readonly folder: string;
  /** A folder that lives in the room only: stores, sockets, configuration. */
  readonly data: string;
  /** The control group that everything of the clients is put below: "/tare-clients-…". */
  readonly group: string;
  private readonly keeper: ChildProcess;
  /** The room's first process, as the host numbers it. */
  private readonly init: number;

  private constructor(folder: string, group: string, keeper: ChildProcess, init: number) {
    this.folder = folder;
    this.data = join(folder, 'data');
    this.group = group;
    this.keeper = keeper;
    this.init = init;
  }

  /** A room that is furnished for a client; where `furnish` fails it is closed again. */
  static async open<T>(furnish: (room: Room) => Promise<T>): Promise<T> {
    const room = await Room.make();
    try {
      return await furnish(room);
    } catch (error) {
      await room.close();
      throw error;
    }
  }

  private static async make(): Promise<Room> {
    const folder = await mkdtemp(join(tmpdir(), 'tare-clients-'));
    await mkdir(join(folder, 'data'));
    const group = `/tare-clients-${process.pid}-${randomBytes(4).toString('hex')}`;
    const keeper = spawn(
      'unshare',
      [...NAMESPACES, '--kill-child=SIGKILL', 'sh', '-c', FURNISH, 'room', join(folder, 'data'), VIEW],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { PATH },
      },
    );
    let output = '';
    keeper.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    keeper.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await until('the room is furnished', () => {
      if (keeper.exitCode !== null) throw new Error(`no room: ${output}`);
      return /^furnished$/m.test(output);
    });
    const init = Number(readFileSync(`/proc/${keeper.pid}/task/${keeper.pid}/children`, 'utf8').trim());
    return new Room(folder, group, keeper, init);
  }

  /** A script outside that runs a program inside, with a plain environment; its arguments follow the ones here. */
  tool(name: string, command: readonly string[], env: Readonly<Record<string, string>> = {}): string {
    const path = join(this.folder, name);
    const variables = Object.entries({ PATH, HOME: this.data, ...env }).map(([key, value]) => `${key}=${value}`);
    const words = [...variables, 'TERM=xterm', ...command].map((word) => `'${word}'`).join(' ');
    writeFileSync(path, `#!/bin/sh\nexec nsenter --target ${this.init} --mount --pid --net -- env -i ${words} "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** Runs a program of the host's in the room, to its end. */
  run(command: string, ...args: string[]): Promise<Finished> {
    return run(this.tool('run', []), [command, ...args]);
  }

  /** A path in the room's own view (its /run, its `data`), for the test that is outside. */
  outside(path: string): string {
    return `/proc/${this.init}/root${path}`;
  }

  /** The room's group in one hierarchy of version 1. */
  groupIn(controller: string): string {
    return join(HIERARCHIES, controller, this.group);
  }

  private groups(): string[] {
    return readdirSync(HIERARCHIES)
      .map((name) => join(HIERARCHIES, name, this.group))
      .filter((path) => existsSync(path));
  }

  /** Ends every process of the room, and with the last of them its mounts; removes its groups and its folder. */
  async close(): Promise<void> {
    // A frozen process would not die.
    for (const top of this.groups()) for (const path of below(top)) thaw(path);
    const ended =
      this.keeper.exitCode === null && this.keeper.signalCode === null ? once(this.keeper, 'close') : undefined;
    process.kill(this.init, 'SIGKILL');
    await ended;
    await until('the groups of the room are empty', () => this.groups().every((top) => below(top).every(remove)));
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A group and all below it, the deepest first. */
function below(path: string): string[] {
  const children = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...children.flatMap(({ name }) => below(join(path, name))), path];
}

function thaw(group: string): void {
  const file = join(group, 'freezer.state');
  if (existsSync(file)) writeFileSync(file, 'THAWED');
}

/** False while the group still holds a process that is on its way out. */
function remove(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY') return false;
    throw error;
  }
}
