/**
 * dockerd and podman with stores on the same disk as tare's, in a room of their own with a registry of its own: what the
 * registry has is the same directory.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Room } from '../clients/room.ts';
import { Client } from '../harness/client.ts';
import { run } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

const SOCKET = '/run/docker.bench/socket';
const API = '/v1.41';
/** In the room's own network. */
const REGISTRY = '127.0.0.1:5000';

/** Sends a file as the body of a POST; the answer's text. Throws where the status is not 200. */
export function postFile(socketPath: string, path: string, file: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-tar', 'content-length': statSync(file).size };
    const sent = request({ socketPath, method: 'POST', path, headers }, (response) => {
      text(response)
        .then((body) => {
          if (response.statusCode !== 200) throw new Error(`POST ${path}: ${response.statusCode} ${body}`);
          resolve(body);
        })
        .catch(reject);
    });
    sent.on('error', reject);
    createReadStream(file, { highWaterMark: 1024 * 1024 }).pipe(sent);
  });
}

export interface ImagePeer {
  readonly name: string;
  /** "usr:latest" of the registry. */
  pull(): Promise<void>;
  load(archive: string): Promise<void>;
  /** Every image of its goes. */
  forget(): Promise<void>;
}

export class ImagePeers {
  readonly all: readonly ImagePeer[];
  private readonly room: Room;
  private readonly client: Client;
  private readonly ended: Promise<unknown>;

  private constructor(room: Room, client: Client, ended: Promise<unknown>) {
    [this.room, this.client, this.ended] = [room, client, ended];
    this.all = [
      ...(existsSync('/usr/sbin/dockerd') ? [this.docker()] : []),
      ...(existsSync('/usr/bin/podman') ? [this.podman()] : []),
    ];
  }

  /** `data`: what docker-registry has written. */
  static open(data: string): Promise<ImagePeers> {
    return Room.open(async (room) => {
      const disk = join(room.folder, 'disk');
      await room.run('sh', '-c', `mkdir -p ${disk} /run/docker.bench && echo {} >${join(room.data, 'none.json')}`);
      const processes = [startRegistry(room, data)];
      if (existsSync('/usr/sbin/dockerd')) processes.push(startDockerd(room, disk));
      const client = new Client(room.outside(SOCKET));
      const peers = new ImagePeers(room, client, Promise.all(processes.map((child) => once(child, 'close'))));
      await until('dockerd answers', () => !existsSync('/usr/sbin/dockerd') || answers(client, room));
      return peers;
    });
  }

  private docker(): ImagePeer {
    const socket = this.room.outside(SOCKET);
    return {
      name: 'docker',
      pull: async () => {
        const from = `fromImage=${encodeURIComponent(`${REGISTRY}/usr`)}&tag=latest`;
        const said = await text(await this.client.open('POST', `${API}/images/create?${from}`));
        if (!said.includes('Downloaded newer image')) throw new Error(`docker pull: ${said.slice(-500)}`);
      },
      load: async (archive) => {
        const said = await postFile(socket, `${API}/images/load?quiet=1`, archive);
        if (!said.includes('Loaded image')) throw new Error(`docker load: ${said}`);
      },
      forget: async () => {
        const images = await this.client.must<{ Id: string }[]>('GET', `${API}/images/json`);
        for (const { Id: id } of images) await this.client.must('DELETE', `${API}/images/${id}?force=1`);
      },
    };
  }

  /** It has no daemon: each time its program is started too. */
  private podman(): ImagePeer {
    const disk = join(this.room.folder, 'disk');
    const store = ['--root', join(disk, 'podman'), '--runroot', '/run/podman/run', '--tmpdir', '/run/podman/tmp'];
    const engine = ['--storage-driver', 'overlay', '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'];
    const program = this.room.tool('podman', ['podman', ...store, ...engine], { TMPDIR: disk });
    const must = async (...args: string[]): Promise<void> => {
      const { code, stderr } = await run(program, args);
      if (code !== 0) throw new Error(`podman ${args.join(' ')}: ${stderr}`);
    };
    return {
      name: 'podman',
      pull: () => must('pull', '--quiet', '--tls-verify=false', `${REGISTRY}/usr:latest`),
      load: (archive) => must('load', '--quiet', '--input', archive),
      forget: () => must('rmi', '--all', '--force'),
    };
  }

  async close(): Promise<void> {
    this.client.close();
    await this.room.close();
    await this.ended;
  }
}

function startRegistry(room: Room, data: string): ChildProcess {
  const file = join(room.folder, 'registry.yml');
  const storage = { filesystem: { rootdirectory: data } };
  // JSON is YAML.
  writeFileSync(
    file,
    JSON.stringify({ version: 0.1, log: { accesslog: { disabled: true } }, storage, http: { addr: REGISTRY } }),
  );
  return spawn(room.tool('registry', ['docker-registry', 'serve', file]), { stdio: 'ignore' });
}

function startDockerd(room: Room, disk: string): ChildProcess {
  const program = room.tool('dockerd', [
    ...['dockerd', '--config-file', join(room.data, 'none.json'), '--host', `unix://${SOCKET}`],
    ...['--pidfile', '/run/docker.bench/pid', '--exec-root', '/run/docker.bench/exec'],
    ...['--data-root', join(disk, 'docker'), '--storage-driver', 'overlay2'],
    ...['--cgroup-parent', room.group, '--exec-opt', 'native.cgroupdriver=cgroupfs'],
    ...['--bridge', 'none', '--iptables=false'],
  ]);
  return spawn(program, { stdio: 'ignore' });
}

async function answers(client: Client, room: Room): Promise<boolean> {
  return existsSync(room.outside(SOCKET)) && (await client.send('GET', '/_ping')).status === 200;
}
