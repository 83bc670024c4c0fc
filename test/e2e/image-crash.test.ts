/**
 * kill -9 of the daemon at thirty random moments, while clients pull, run, remove and prune: each time the next daemon's
 * check finds nothing wrong, and what a container is made of is there. TARE_TEST_SEED=<number> repeats the moments.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerDetail, ContainerSummary } from '../../shared/api/container.ts';
import type { ImageSummary } from '../../shared/api/image.ts';
import type { SystemCheckResponse } from '../../shared/api/storage.ts';
import type { Volume } from '../../shared/api/volume.ts';
import { Client } from '../harness/client.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { busyboxLayer } from '../harness/image-layers.ts';
import { makeImage, publish } from '../harness/images.ts';
import { TestRegistry } from '../harness/registry.ts';
import { directory, file, tar } from '../harness/tar.ts';

const KILLS = 30;
/** Milliseconds: a pull of what is here takes some 100, a run some 30. */
const LONGEST_LIFE = 300;
const IMAGES = 4;
const seed = Number(process.env.TARE_TEST_SEED ?? randomInt(2 ** 31));

/** Mulberry32: the same numbers for the same seed. */
function numbers(state: number): () => number {
  let now = state;
  return () => {
    now = (now + 0x6d2b79f5) | 0;
    let mixed = Math.imul(now ^ (now >>> 15), 1 | now);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What gzip makes no smaller. */
function noise(length: number, state: number): Buffer {
  const random = numbers(state);
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}

/** Each upon the same base, with files of its own: so blobs and layers are shared, and not. */
function fill(registry: TestRegistry): void {
  const base = busyboxLayer();
  for (let number = 0; number < IMAGES; number++) {
    const files = Array.from({ length: 200 }, (_, at) =>
      file(`own/${String(at)}`, `${String(number)} ${String(at)}\n`),
    );
    const own = tar(directory('./'), directory('own/'), ...files, { name: 'own/noise', data: noise(400_000, number) });
    // the odd ones imply their directory: their unpacked layer depends on the one below
    const implied = tar(file('own/number', `${String(number)}\n`));
    publish(
      registry,
      `app${String(number)}`,
      '1',
      makeImage({ layers: [base, own, implied], config: { Volumes: { '/kept': {} } } }),
    );
  }
}

/** What the daemon may answer to those who get in each other's way: never that something is wrong with it. */
const EXPECTED = new Set([200, 201, 204, 404, 409]);

class Clients {
  readonly strange: string[] = [];
  private readonly daemon: TestDaemon;
  private readonly registry: TestRegistry;
  private readonly random: () => number;
  private client: Client;
  private isOver = false;

  constructor(daemon: TestDaemon, registry: TestRegistry, random: () => number) {
    this.daemon = daemon;
    this.registry = registry;
    this.random = random;
    this.client = new Client(daemon.socket);
  }

  /** Until `end`; resolves when all have noticed. */
  async work(): Promise<void> {
    this.isOver = false;
    this.client = new Client(this.daemon.socket);
    const verbs = [
      () => this.pull(),
      () => this.pull(),
      () => this.run(),
      () => this.run(),
      () => this.remove(),
      () => this.prune(),
    ];
    await Promise.all(verbs.map((verb) => this.repeat(verb)));
  }

  /** Right before the daemon's end, which is what ends their requests. */
  end(): void {
    this.isOver = true;
  }

  close(): void {
    this.client.close();
  }

  private hasEnded(): boolean {
    return this.isOver;
  }

  private async repeat(verb: () => Promise<void>): Promise<void> {
    while (!this.hasEnded()) {
      try {
        await verb();
      } catch (error) {
        // the connection was cut: the daemon is dead
        if (!this.hasEnded()) throw error;
      }
    }
  }

  private image(): string {
    return `${this.registry.host}/app${String(Math.floor(this.random() * IMAGES))}:1`;
  }

  private async send<T>(method: string, path: string, body?: unknown): Promise<T | undefined> {
    const answer = await this.client.send<T>(method, path, body);
    if (!EXPECTED.has(answer.status))
      this.strange.push(`${method} ${path}: ${String(answer.status)} ${JSON.stringify(answer.body)}`);
    return answer.status < 300 ? answer.body : undefined;
  }

  private async pull(): Promise<void> {
    await this.send('POST', '/v1/images/pull', { reference: this.image() });
  }

  private async run(): Promise<void> {
    const image = this.image();
    const command = ['sh', '-c', 'cat /own/number && echo x > /kept/x'];
    const request = { image, command, autoRemove: this.random() < 0.5 };
    const made = await this.send<{ id: string }>('POST', '/v1/containers', request);
    if (made === undefined) {
      await this.send('POST', '/v1/images/pull', { reference: image });
      return;
    }
    await this.send('POST', `/v1/containers/${made.id}/start`);
    await this.send('GET', `/v1/containers/${made.id}/wait`);
    if (this.random() < 0.5) await this.send('DELETE', `/v1/containers/${made.id}?volumes=true`);
  }

  private async remove(): Promise<void> {
    const force = this.random() < 0.3 ? '?force=true' : '';
    const images = (await this.send<ImageSummary[]>('GET', '/v1/images')) ?? [];
    const image = images[Math.floor(this.random() * images.length)];
    const ref = this.random() < 0.5 ? image?.id : image?.names[0];
    if (ref !== undefined) await this.send('DELETE', `/v1/images/${encodeURIComponent(ref)}${force}`);
    await sleep(this.random() * 100);
  }

  private async prune(): Promise<void> {
    const all = this.random() < 0.3;
    await this.send('POST', '/v1/system/prune', { all, volumes: this.random() < 0.5 });
    await sleep(this.random() * 100);
  }
}

async function isWhole(daemon: TestDaemon, pinned: string): Promise<void> {
  const { client } = daemon;
  const { sound, findings } = await client.must<SystemCheckResponse>('POST', '/v1/system/check', {});
  assert.deepEqual([sound, findings], [true, []]);
  const images = new Set((await client.must<ImageSummary[]>('GET', '/v1/images')).map(({ id }) => id));
  const volumes = new Set((await client.must<Volume[]>('GET', '/v1/volumes')).map(({ name }) => name));
  for (const { id } of await client.must<ContainerSummary[]>('GET', '/v1/containers?all=true')) {
    const container = await client.must<ContainerDetail>('GET', `/v1/containers/${id}`);
    assert.ok(images.has(container.imageId ?? ''), `container ${id} has lost its image`);
    for (const { name } of container.volumes) assert.ok(volumes.has(name), `container ${id} has lost volume ${name}`);
  }
  // it is of an image that everybody else removes
  const number = await readFile(`/proc/${String(await daemon.hostPid(pinned))}/root/own/number`, 'utf8');
  assert.equal(number, '0\n');
}

test('kill -9 at thirty random moments of pull, run, rmi and prune', async (context) => {
  context.diagnostic(`TARE_TEST_SEED=${String(seed)}`);
  const random = numbers(seed);
  await using registry = await TestRegistry.open();
  fill(registry);
  const daemon = await TestDaemon.open();
  try {
    const clients = new Clients(daemon, registry, random);
    await daemon.client.must('POST', '/v1/images/pull', { reference: `${registry.host}/app0:1` });
    const pinned = await daemon.client.must<{ id: string }>('POST', '/v1/containers', {
      image: `${registry.host}/app0:1`,
      command: ['sleep', '1000'],
    });
    await daemon.client.must('POST', `/v1/containers/${pinned.id}/start`);
    for (let kill = 1; kill <= KILLS; kill++) {
      const working = clients.work();
      await sleep(random() * LONGEST_LIFE);
      clients.end();
      await daemon.end('SIGKILL');
      await working;
      clients.close();
      await daemon.start();
      await isWhole(daemon, pinned.id).catch((error: unknown) => {
        throw new Error(`after kill ${String(kill)} with TARE_TEST_SEED=${String(seed)}`, { cause: error });
      });
    }
    assert.deepEqual(clients.strange, [], `with TARE_TEST_SEED=${String(seed)}`);
  } finally {
    await daemon.close();
  }
});
