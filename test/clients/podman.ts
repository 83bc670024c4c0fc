/** podman with stores of its own in a room, and the runtime under test. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, type Finished } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';
import { IMAGE, writeImage } from './image.ts';
import { Room } from './room.ts';
import { RUNTIME } from './runtime.ts';

/**
 * Limits that a host without CAP_SYS_RESOURCE can give (podman's own defaults are far above the hard limits of many),
 * and an infra container of the image that is there.
 */
const CONFIGURATION = `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
netns = "none"
log_driver = "k8s-file"
[engine]
infra_image = "${IMAGE}"
stop_timeout = 0
`;

export interface State {
  readonly Status: string;
  readonly Running: boolean;
  readonly Paused: boolean;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly Health: { readonly Status: string };
}

export class Podman {
  readonly room: Room;
  /** A script that is this podman, for a terminal. */
  readonly command: string;

  private constructor(room: Room) {
    this.room = room;
    const file = join(room.folder, 'containers.conf');
    writeFileSync(file, CONFIGURATION);
    const { data } = room;
    const store = ['--root', join(data, 'root'), '--runroot', '/run/podman/run', '--tmpdir', '/run/podman/tmp'];
    const engine = ['--storage-driver', 'overlay', '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'];
    const env = { CONTAINERS_CONF: file, TMPDIR: data };
    this.command = room.tool('podman', ['podman', ...store, ...engine, '--runtime', RUNTIME], env);
  }

  /** In a room of its own, with the image loaded. */
  static open(): Promise<Podman> {
    return Room.open(async (room) => {
      const podman = new Podman(room);
      await podman.must('load', '--quiet', '--input', writeImage(room.folder));
      return podman;
    });
  }

  close(): Promise<void> {
    return this.room.close();
  }

  /** What makes control groups makes them below the room's. */
  arguments(args: readonly string[]): string[] {
    const verb = args[0] === 'pod' ? args.slice(0, 2) : args.slice(0, 1);
    const makes = ['run', 'create'].includes(verb.at(-1) ?? '') && !args.includes('--pod');
    return makes ? [...verb, '--cgroup-parent', this.room.group, ...args.slice(verb.length)] : [...args];
  }

  run(...args: string[]): Promise<Finished> {
    return run(this.command, this.arguments(args));
  }

  /** stdout of a command that has to succeed, without the last newline. */
  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    assert.equal(code, 0, `podman ${args.join(' ')}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** What a shell script prints in a container that ends with it. */
  script(options: readonly string[], script: string): Promise<string> {
    return this.must('run', '--rm', ...options, IMAGE, 'sh', '-c', script);
  }

  /** A container that stays until it is removed. */
  async idle(name: string, ...options: string[]): Promise<void> {
    await this.must('run', '--detach', '--name', name, ...options, IMAGE, 'sleep', '1000');
  }

  async state(name: string): Promise<State> {
    return JSON.parse(await this.must('inspect', '--format', '{{json .State}}', name)) as State;
  }

  async has(name: string, status: string): Promise<void> {
    await until(`${name} is ${status}`, async () => (await this.state(name)).Status === status);
  }

  /**
   * Removes a container (or pod) with a user namespace as far as podman 4.3 can, which now and then, with any runtime,
   * finds its own mount of /dev/shm busy. The rest goes with the room.
   */
  async discard(name: string, ...kind: string[]): Promise<void> {
    await this.run(...kind, 'rm', '--force', '--time', '0', name);
  }
}
