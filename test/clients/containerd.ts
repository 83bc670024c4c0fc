/** containerd with `ctr` in a room, its shims running the runtime under test. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, type Finished } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';
import { IMAGE, writeImage } from './image.ts';
import { Room } from './room.ts';
import { RUNTIME } from './runtime.ts';

const SOCKET = '/run/containerd.test/socket';

function configuration(data: string): string {
  return `
version = 2
root = "${join(data, 'root')}"
state = "/run/containerd.test/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${SOCKET}"
`;
}

export class Containerd {
  readonly room: Room;
  /** A script that is ctr at this containerd, for a terminal. */
  readonly command: string;
  private readonly daemon: ChildProcess;
  private log = '';

  private constructor(room: Room) {
    this.room = room;
    const file = join(room.folder, 'containerd.toml');
    writeFileSync(file, configuration(room.data));
    this.daemon = spawn(room.tool('containerd', ['containerd', '--config', file]), {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.daemon.stderr?.on('data', (chunk: Buffer) => (this.log += chunk.toString()));
    this.command = room.tool('ctr', ['ctr', '--address', SOCKET]);
  }

  /** In a room of its own, with the image imported. */
  static open(): Promise<Containerd> {
    return Room.open(async (room) => {
      const containerd = new Containerd(room);
      await until('containerd answers', async () => {
        if (containerd.daemon.exitCode !== null) throw new Error(`containerd ended: ${containerd.log}`);
        return (await containerd.run('version')).code === 0;
      });
      await containerd.must('images', 'import', writeImage(room.folder));
      return containerd;
    });
  }

  close(): Promise<void> {
    return this.room.close();
  }

  run(...args: string[]): Promise<Finished> {
    return run(this.command, args);
  }

  /** stdout of a command that has to succeed, without the last newline. */
  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    assert.equal(code, 0, `ctr ${args.join(' ')}: ${stderr}${this.log.slice(-2000)}`);
    return stdout.trimEnd();
  }

  /** The words of `ctr run` up to the program's: its control group is below the room's. */
  runArguments(name: string, ...options: string[]): string[] {
    const where = ['--runc-binary', RUNTIME, '--cgroup', `${this.room.group}/${name}`];
    return ['run', ...where, ...options, IMAGE, name];
  }

  /** Starts a task that stays until it is killed. */
  async idle(name: string, ...options: string[]): Promise<void> {
    await this.must(...this.runArguments(name, '--detach', ...options), 'sleep', '1000');
  }

  /** "RUNNING", "PAUSED", "STOPPED"; undefined where there is no task. */
  async status(name: string): Promise<string | undefined> {
    const row = (await this.must('tasks', 'list')).split('\n').find((line) => line.split(/\s+/)[0] === name);
    return row?.split(/\s+/)[2];
  }

  async pid(name: string): Promise<number> {
    const row = (await this.must('tasks', 'list')).split('\n').find((line) => line.split(/\s+/)[0] === name);
    return Number(row?.split(/\s+/)[1]);
  }

  /** Kills a task and deletes it and its container; the exit code that `ctr` reports of it. */
  async end(name: string, signal = 'SIGKILL'): Promise<number> {
    await this.must('tasks', 'kill', '--signal', signal, name);
    await until(`${name} stops`, async () => (await this.status(name)) === 'STOPPED');
    const { stderr } = await this.run('tasks', 'delete', name);
    await this.must('containers', 'delete', name);
    return Number(/non-zero exit code (\d+)/.exec(stderr)?.[1] ?? 0);
  }
}
