/** dockerd in a room, the runtime under test being its runtime "tare" and its default. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, type Finished } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';
import { IMAGE, writeImage } from './image.ts';
import { Room } from './room.ts';
import { RUNTIME } from './runtime.ts';

const SOCKET = 'unix:///run/docker.test/socket';

export interface State {
  readonly Status: string;
  readonly Running: boolean;
  readonly Paused: boolean;
  readonly OOMKilled: boolean;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly Health?: { readonly Status: string };
}

export class Dockerd {
  readonly room: Room;
  /** A script that is docker's CLI at this dockerd, for a terminal. */
  readonly command: string;
  private readonly program: string;
  private daemon: ChildProcess | undefined;
  private log = '';

  private constructor(room: Room) {
    this.room = room;
    const file = join(room.folder, 'daemon.json');
    writeFileSync(file, '{}');
    this.program = room.tool('dockerd', [
      'dockerd',
      ...['--config-file', file, '--host', SOCKET, '--pidfile', '/run/docker.test/pid'],
      ...['--data-root', join(room.data, 'root'), '--exec-root', '/run/docker.test/exec'],
      ...['--storage-driver', 'overlay2', '--cgroup-parent', room.group, '--exec-opt', 'native.cgroupdriver=cgroupfs'],
      ...['--iptables=false', '--ip6tables=false', '--bridge=none', '--live-restore'],
      ...['--add-runtime', `tare=${RUNTIME}`, '--default-runtime', 'tare'],
    ]);
    const env = { DOCKER_CONFIG: join(room.data, 'cli') };
    this.command = room.tool('docker', ['/usr/bin/docker', '--host', SOCKET], env);
  }

  /** In a room of its own, with the image loaded. */
  static open(): Promise<Dockerd> {
    return Room.open(async (room) => {
      const dockerd = new Dockerd(room);
      await dockerd.start();
      await dockerd.must('load', '--quiet', '--input', writeImage(room.folder));
      return dockerd;
    });
  }

  close(): Promise<void> {
    return this.room.close();
  }

  /** Starts the daemon and waits until it answers. */
  async start(): Promise<void> {
    const daemon = spawn(this.program, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.daemon = daemon;
    daemon.stderr.on('data', (chunk: Buffer) => (this.log += chunk.toString()));
    await until('dockerd answers', async () => {
      if (daemon.exitCode !== null) throw new Error(`dockerd ended: ${this.log}`);
      return (await this.run('version')).code === 0;
    });
  }

  /** Ends the daemon by a signal; what it runs lives on. */
  async end(signal: string): Promise<void> {
    assert.ok(this.daemon, 'dockerd does not run');
    const ended = once(this.daemon, 'close');
    await this.room.run('sh', '-c', `kill -${signal} $(cat /run/docker.test/pid)`);
    await ended;
  }

  run(...args: string[]): Promise<Finished> {
    return run(this.command, args);
  }

  /** stdout of a command that has to succeed, without the last newline. */
  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    assert.equal(code, 0, `docker ${args.join(' ')}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** The lines that a shell script prints in a container that ends with it. */
  async lines(options: readonly string[], script: string): Promise<string[]> {
    return (await this.must('run', '--rm', ...options, IMAGE, 'sh', '-c', script)).split('\n');
  }

  /** A container that stays until it is removed. */
  async idle(name: string, ...options: string[]): Promise<void> {
    await this.must('run', '--detach', '--name', name, ...options, IMAGE, 'sleep', '1000');
  }

  async state(name: string): Promise<State> {
    return JSON.parse(await this.must('inspect', '--format', '{{json .State}}', name)) as State;
  }
}
