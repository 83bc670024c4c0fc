/** Images: a large one from a registry and from an archive beside docker and podman, the first start of one of many layers, copying. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TestDaemon } from '../../harness/daemon.ts';
import { openRegistry, skopeo } from '../../harness/debian-registry.ts';
import { busyboxLayer } from '../../harness/image-layers.ts';
import { loadFrom, makeImage, ociArchive, pullFrom } from '../../harness/images.ts';
import { makeRootfs } from '../../harness/rootfs.ts';
import { file, tar } from '../../harness/tar.ts';
import { ImagePeers, postFile, type ImagePeer } from '../image-peers.ts';
import { Samples, timed, type Row } from '../samples.ts';
import { writeDockerArchive, writeUsrImage, type UsrImage } from '../usr-image.ts';

const ROUNDS = 5;
const STARTS = 20;
const LAYERS = 20;
const COPIES = 3;
const GIB = 1024 ** 3;
const NAME = 'tare.bench/usr:latest';

type Kept = Record<string, Samples>;

export async function imageRows(kept: Kept): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tare-bench-'));
  const daemon = await TestDaemon.open();
  try {
    const canFill = ['/usr/bin/docker-registry', '/usr/bin/skopeo'].every((program) => existsSync(program));
    const large = canFill ? await largeRows(daemon, folder, kept) : [];
    return [...large, await firstStartRow(daemon, folder, kept), ...(await copyRows(daemon, folder, kept))];
  } finally {
    await daemon.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What one contestant wrote is on the disk before the next is measured. */
async function measured(samples: Samples, action: () => Promise<unknown>): Promise<void> {
  execFileSync('sync');
  samples.add(await timed(action));
}

async function largeRows(daemon: TestDaemon, folder: string, kept: Kept): Promise<Row[]> {
  const layout = join(folder, 'layout');
  const archive = join(folder, 'archive.tar');
  const image = writeUsrImage(layout);
  writeDockerArchive(layout, archive, NAME);
  await mkdir(join(folder, 'registry'));
  await using registry = await openRegistry(join(folder, 'registry'));
  const reference = `${registry.host}/usr:latest`;
  await skopeo('copy', '-q', '--dest-tls-verify=false', `oci:${layout}:usr`, `docker://${reference}`);
  const peers = await ImagePeers.open(join(folder, 'registry/data'));
  try {
    const contestants = [ours(daemon, reference), ...peers.all];
    const pull = await race(contestants, 'pull', kept, (one) => one.pull());
    const load = await race(contestants, 'load', kept, (one) => one.load(archive));
    return [rowOf('pull and unpack', image, pull), rowOf('load of an archive', image, load)];
  } finally {
    await peers.close();
  }
}

function ours(daemon: TestDaemon, reference: string): ImagePeer {
  return {
    name: 'tare',
    pull: async () => {
      const { status, body } = await pullFrom(daemon, reference);
      if (status !== 200) throw new Error(`tare pull: ${JSON.stringify(body)}`);
    },
    load: async (archive) => {
      await postFile(daemon.socket, '/v1/images/load', archive);
    },
    forget: async () => {
      await daemon.client.must('POST', '/v1/images/prune', { all: true });
    },
  };
}

async function race(
  contestants: readonly ImagePeer[],
  what: string,
  kept: Kept,
  action: (one: ImagePeer) => Promise<void>,
): Promise<Map<string, Samples>> {
  const samples = new Map(contestants.map(({ name }) => [name, (kept[`${what}, ${name}`] = new Samples())]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of contestants) {
      await measured(samples.get(one.name)!, () => action(one));
      await one.forget();
    }
  }
  return samples;
}

function rowOf(what: string, { megabytes, compressed, files }: UsrImage, samples: Map<string, Samples>): Row {
  const tare = samples.get('tare')!.p50;
  const peers = [...samples].filter(([name]) => name !== 'tare');
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  return {
    what: `${what}: ${megabytes} MB (${compressed} compressed), ${files} files, p50`,
    value: ms(tare),
    beside: peers.map(([name, { p50 }]) => `${name} ${ms(p50)}`).join(', ') || 'no peer is installed',
    budget: 'ahead of both',
    holds: peers.length < 2 ? undefined : peers.every(([, { p50 }]) => tare < p50),
  };
}

/** Each image and each directory is started once: what the kernel keeps of one is of no use to the next. */
async function firstStartRow(daemon: TestDaemon, folder: string, kept: Kept): Promise<Row> {
  const [image, plain] = [new Samples(), new Samples()];
  [kept['first start, image'], kept['first start, directory']] = [image, plain];
  const base = busyboxLayer();
  for (let index = 0; index < STARTS; index++) {
    const own = Array.from({ length: LAYERS - 1 }, (_, layer) => tar(file(`own/${index}-${layer}`, 'x')));
    const name = `first:${index}`;
    const { status, body } = await loadFrom(daemon, ociArchive({ [name]: makeImage({ layers: [base, ...own] }) }));
    if (status !== 200) throw new Error(`load: ${JSON.stringify(body)}`);
    const rootfs = join(folder, `root-${index}`);
    await mkdir(rootfs);
    makeRootfs(rootfs);
    execFileSync('sync');
    const contestants: [Samples, Record<string, unknown>][] = [
      [image, { image: name }],
      [plain, { rootfs }],
    ];
    for (const [samples, of] of index % 2 === 0 ? contestants : contestants.reverse()) {
      samples.add(await timed(() => life(daemon, of)));
    }
  }
  return {
    what: `first start of an image of ${LAYERS} layers: whole life, p50`,
    value: `${image.p50.toFixed(1)} ms`,
    beside: `a plain directory ${plain.p50.toFixed(1)} ms`,
    budget: `≤ 2 × a plain directory: ${(image.p50 / plain.p50).toFixed(2)}`,
    holds: image.p50 <= 2 * plain.p50,
  };
}

/** create, start, wait, delete of /bin/true. */
async function life(daemon: TestDaemon, of: Record<string, unknown>): Promise<void> {
  const { client } = daemon;
  const { id } = await client.must<{ id: string }>('POST', '/v1/containers', { ...of, command: ['/bin/true'] });
  await client.must('POST', `/v1/containers/${id}/start`);
  await client.must('GET', `/v1/containers/${id}/wait`);
  await client.must('DELETE', `/v1/containers/${id}`);
}

/** `tare cp` at the shell, of one file, into a container and out of it; it does not run. */
async function copyRows(daemon: TestDaemon, folder: string, kept: Kept): Promise<Row[]> {
  const source = join(folder, 'gibibyte');
  execFileSync('dd', ['if=/dev/urandom', `of=${source}`, 'bs=1M', `count=${GIB / 1024 ** 2}`, 'status=none']);
  const samples = { plain: new Samples(), in: new Samples(), out: new Samples() };
  Object.assign(kept, { 'cp -a': samples.plain, 'tare cp in': samples.in, 'tare cp out': samples.out });
  const target = join(folder, 'copy');
  const copy = async (...words: string[]): Promise<void> => {
    const { code, stderr } = await daemon.cli(['cp', ...words]);
    if (code !== 0) throw new Error(`tare cp ${words.join(' ')}: ${stderr}`);
  };
  for (let round = 0; round < COPIES; round++) {
    await measured(samples.plain, () => promisify(execFile)('cp', ['-a', source, target]));
    await rm(target);
    const id = await daemon.create(['/bin/true']);
    await measured(samples.in, () => copy(source, `${id}:/tmp/gibibyte`));
    await measured(samples.out, () => copy(`${id}:/tmp/gibibyte`, target));
    await rm(target);
    await daemon.client.must('DELETE', `/v1/containers/${id}`);
  }
  return (['in', 'out'] as const).map((way) => {
    const part = samples.plain.p50 / samples[way].p50;
    return {
      what: `tare cp of 1 GiB ${way === 'in' ? 'into' : 'out of'} a container, p50`,
      value: `${samples[way].p50.toFixed(0)} ms`,
      beside: `cp -a ${samples.plain.p50.toFixed(0)} ms`,
      budget: `≥ 1/2 of its speed: ${part.toFixed(2)}`,
      holds: part >= 0.5,
    };
  });
}
