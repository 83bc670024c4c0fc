/** Docker's own CLI and API, spoken to tare and to dockerd, each with a network namespace of its own. */
import { readFileSync } from 'node:fs';
import { run } from '../../harness/daemon.ts';
import { NetworkRoom } from '../../harness/network.ts';
import { IMAGE } from '../../clients/image.ts';
import { BenchDockerd } from '../dockerd.ts';
import { LeanClient } from '../lean-client.ts';
import { Samples, timed, type Row } from '../samples.ts';

const CLI = '/usr/bin/docker';
const BLOCKS = 4;
const BLOCK = 5;
const MANY = 1000;
const LISTS = 20;

export async function dockerRows(kept: Record<string, Samples>): Promise<Row[]> {
  const dockerd = await BenchDockerd.open();
  if (dockerd === undefined) return [];
  try {
    const room = await NetworkRoom.open();
    const lean = new LeanClient(room.daemon.socket);
    try {
      await room.daemon.client.send('POST', '/v1.41/images/load?quiet=1', readFileSync(dockerd.archive), {
        'content-type': 'application/x-tar',
      });
      const ours = `unix://${room.daemon.socket}`;
      const theirs = `unix://${dockerd.socket}`;
      return [
        await pairRow(kept, 'docker run --rm IMAGE true, p50', 1 / 4, ours, theirs, ['run', '--rm', IMAGE, 'true']),
        await execRow(kept, ours, theirs),
        await psRow(kept, lean),
      ];
    } finally {
      await lean.close();
      await room.close();
    }
  } finally {
    await dockerd.close();
  }
}

async function docker(host: string, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await run(CLI, args, { env: { DOCKER_HOST: host } });
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${code} ${stderr}`);
}

/** The same command to both, in turns; `share`: what tare may take of dockerd's time. */
async function pairRow(
  kept: Record<string, Samples>,
  what: string,
  share: number,
  ours: string,
  theirs: string,
  args: readonly string[],
): Promise<Row> {
  const tare = (kept[`${what}, tare`] = new Samples());
  const peer = (kept[`${what}, dockerd`] = new Samples());
  for (let block = 0; block < BLOCKS; block++) {
    for (const [samples, host] of [
      [tare, ours],
      [peer, theirs],
    ] as const) {
      const times: number[] = [];
      for (let i = 0; i < BLOCK; i++) times.push(await timed(() => docker(host, ...args)));
      samples.add(...times.slice(1));
    }
  }
  return {
    what,
    value: `${tare.p50.toFixed(1)} ms`,
    beside: `dockerd ${peer.p50.toFixed(0)} ms`,
    budget: `≤ 1/${1 / share} of dockerd: 1/${(peer.p50 / tare.p50).toFixed(1)}`,
    holds: tare.p50 <= peer.p50 * share,
  };
}

async function execRow(kept: Record<string, Samples>, ours: string, theirs: string): Promise<Row> {
  const hosts = [ours, theirs];
  for (const host of hosts) await docker(host, 'run', '-d', '--name', 'idle', IMAGE, 'sleep', '100000');
  try {
    return await pairRow(kept, 'docker exec IDLE true, p50', 1 / 2, ours, theirs, ['exec', 'idle', 'true']);
  } finally {
    for (const host of hosts) await docker(host, 'rm', '-f', 'idle');
  }
}

/** What `docker ps -a` asks of a daemon with a thousand containers. */
async function psRow(kept: Record<string, Samples>, lean: LeanClient): Promise<Row> {
  const list = (kept['docker ps of 1,000'] = new Samples());
  const ids: string[] = [];
  for (let i = 0; i < MANY; i++) {
    const body = { Image: IMAGE, Cmd: ['true'], Labels: { number: String(i) }, HostConfig: { PortBindings: {} } };
    ids.push((await lean.must<{ Id: string }>('POST', '/v1.41/containers/create', body)).Id);
  }
  for (let i = 0; i < LISTS; i++) list.add(await timed(() => lean.must('GET', '/v1.41/containers/json?all=1')));
  for (const id of ids) await lean.must('DELETE', `/v1.41/containers/${id}`);
  return {
    what: 'docker ps -a with 1,000 containers, API time, p50',
    value: `${list.p50.toFixed(1)} ms`,
    beside: '',
    budget: '≤ 100 ms',
    holds: list.p50 <= 100,
  };
}
