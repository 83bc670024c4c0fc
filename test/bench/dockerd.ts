/** dockerd of Debian with a bridge and a firewall of its own, in namespaces of its own, spoken to over its API. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGE, writeImage } from '../clients/image.ts';
import { Room } from '../clients/room.ts';
import { Client } from '../harness/client.ts';
import { until } from '../harness/until.ts';
import { LeanClient } from './lean-client.ts';

const SOCKET = '/run/docker.bench/socket';
const API = '/v1.41';

export class BenchDockerd {
  readonly client: Client;
  /** Of what is timed. */
  private readonly lean: LeanClient;
  /** Its socket, and the image that it has, as a docker-archive. */
  readonly socket: string;
  readonly archive: string;
  private readonly room: Room;
  private readonly ended: Promise<unknown>;

  private constructor(room: Room, archive: string, ended: Promise<unknown>) {
    this.room = room;
    this.ended = ended;
    this.archive = archive;
    this.socket = room.outside(SOCKET);
    this.client = new Client(this.socket);
    this.lean = new LeanClient(this.socket);
  }

  /** undefined where dockerd is not installed. */
  static async open(): Promise<BenchDockerd | undefined> {
    if (!existsSync('/usr/sbin/dockerd')) return undefined;
    return Room.open(async (room) => {
      const program = room.tool('dockerd', [
        'dockerd',
        ...['--config-file', join(room.data, 'none.json'), '--host', `unix://${SOCKET}`],
        ...['--pidfile', '/run/docker.bench/pid', '--exec-root', '/run/docker.bench/exec'],
        ...['--data-root', join(room.data, 'root'), '--storage-driver', 'overlay2'],
        ...['--cgroup-parent', room.group, '--exec-opt', 'native.cgroupdriver=cgroupfs'],
      ]);
      await room.run('sh', '-c', `mkdir -p /run/docker.bench && echo {} >${join(room.data, 'none.json')}`);
      // as tared's: the client that is measured has nothing else to read
      const logFile = join(room.folder, 'dockerd.log');
      const log = openSync(logFile, 'a');
      const child = spawn(program, { stdio: ['ignore', 'ignore', log] });
      closeSync(log);
      const dockerd = new BenchDockerd(room, writeImage(room.folder), once(child, 'close'));
      await until('dockerd answers', async () => {
        if (child.exitCode !== null) throw new Error(`dockerd ended: ${readFileSync(logFile, 'utf8').slice(-20_000)}`);
        return existsSync(room.outside(SOCKET)) && (await dockerd.client.send('GET', '/_ping')).status === 200;
      });
      await dockerd.furnish();
      return dockerd;
    });
  }

  /** The image, and a network with names: the default bridge of dockerd has no DNS. */
  private async furnish(): Promise<void> {
    const { status, body } = await this.client.send('POST', `${API}/images/load?quiet=1`, readFileSync(this.archive), {
      'content-type': 'application/x-tar',
    });
    if (status !== 200) throw new Error(`no image: ${status} ${JSON.stringify(body)}`);
    await this.client.must('POST', `${API}/networks/create`, { Name: 'named', Driver: 'bridge' });
  }

  /** create, start, wait, delete of /bin/true, on the network of that name ("bridge", "named", "none"). */
  async life(network: string): Promise<void> {
    const { Id: id } = await this.lean.must<{ Id: string }>('POST', `${API}/containers/create`, {
      Image: IMAGE,
      Cmd: ['/bin/true'],
      HostConfig: { NetworkMode: network },
    });
    await this.lean.must('POST', `${API}/containers/${id}/start`);
    const { StatusCode: code } = await this.lean.must<{ StatusCode: number }>('POST', `${API}/containers/${id}/wait`);
    if (code !== 0) throw new Error(`dockerd: the container ended with ${code}`);
    await this.lean.must('DELETE', `${API}/containers/${id}`);
  }

  async close(): Promise<void> {
    this.client.close();
    await this.lean.close();
    await this.room.close();
    await this.ended;
  }
}
