/**
 * Acceptance of images from registries: what skopeo put into Debian's docker-registry is pulled, run, and pushed back
 * the same; a pull that is killed goes on where it was.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chainIds } from '../../daemon/images/manifest/chain-ids.ts';
import type { ImageDetail, PullResponse, PushResponse } from '../../shared/api/image.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { openRegistry, skopeo, type DebianRegistry } from '../harness/debian-registry.ts';
import { makeImage, progressOf, publish, pullFrom, writeLayout, type Digest } from '../harness/images.ts';
import { mergedTree } from '../harness/merged-tree.ts';
import { TestRegistry } from '../harness/registry.ts';
import { file, tar } from '../harness/tar.ts';
import { treeOf } from '../harness/tree.ts';
import { makeUmociImage } from '../harness/umoci-image.ts';
import { until } from '../harness/until.ts';

let folder: string;
let daemon: TestDaemon;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tare-pull-'));
  daemon = await TestDaemon.open();
});
after(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true });
});

/** Programs and libraries of this machine's own Debian packages, with bash to run. */
function debianTree(): Buffer {
  const script = `{ echo /bin; echo /lib; echo /lib64; dpkg -L base-files base-passwd bash coreutils libc6 libtinfo6 \
    libacl1 libattr1 libgmp10 libselinux1 libpcre2-8-0 libssl3 debianutils 2>/dev/null; } | sort -u |
    tar -cf - --no-recursion --ignore-failed-read --warning=no-failed-read -C / -T - 2>/dev/null`;
  return execFileSync('sh', ['-c', script], { maxBuffer: 512 * 1024 * 1024 });
}

async function runIn(image: string, command: readonly string[]): Promise<string> {
  const { client } = daemon;
  const { id } = await client.must<{ id: string }>('POST', '/v1/containers', { image, command });
  await client.must('POST', `/v1/containers/${id}/start`);
  const exit = await client.must<{ code?: number }>('GET', `/v1/containers/${id}/wait`);
  const output = (await daemon.logText(id, 'stdout')) + (await daemon.logText(id, 'stderr'));
  await client.must('DELETE', `/v1/containers/${id}`);
  assert.equal(exit.code, 0, output);
  return output;
}

async function digestAt(reference: string): Promise<string> {
  const inspected = await skopeo('inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${reference}`);
  return inspected.toString().trim();
}

describe("with Debian's registry", () => {
  let registry: DebianRegistry;
  before(async () => {
    registry = await openRegistry(join(folder, 'registry'));
  });
  after(() => registry[Symbol.asyncDispose]());

  /** Pulls it, pushes it to another repository: the digests that skopeo sees. */
  async function thereAndBack(source: string, name: string): Promise<string> {
    const reference = `${registry.host}/there/${name}:1`;
    await skopeo('copy', '--dest-tls-verify=false', source, `docker://${reference}`);
    const { status, body } = await pullFrom(daemon, reference);
    assert.equal(status, 200, body.detail);
    assert.equal(body.upToDate, false);
    const digest = await digestAt(reference);
    assert.equal(body.images[0]?.manifest, digest);
    const back = `${registry.host}/back/${name}:2`;
    const pushed = await daemon.client.must<PushResponse>('POST', `/v1/images/${encodeURIComponent(reference)}/push`, {
      destination: back,
    });
    assert.deepEqual(
      pushed.pushed.map((one) => one.digest),
      [digest],
    );
    assert.equal(await digestAt(back), digest);
    // a registry without any of its blobs: all of them are sent
    const elsewhere = await openRegistry(join(folder, `elsewhere-${name}`));
    try {
      await daemon.client.must('POST', `/v1/images/${encodeURIComponent(reference)}/push`, {
        destination: `${elsewhere.host}/${name}:3`,
      });
      assert.equal(await digestAt(`${elsewhere.host}/${name}:3`), digest);
    } finally {
      await elsewhere[Symbol.asyncDispose]();
    }
    return reference;
  }

  test('ten layers made by umoci: pulled, run, pushed back; its files are as umoci unpacks them', async () => {
    const { source, rootfs } = makeUmociImage(join(folder, 'umoci'));
    const reference = await thereAndBack(source, 'umoci');
    assert.equal(await runIn(reference, ['/bin/busybox', 'cat', '/a/b/fresh', '/etc/linked']), 'fresh\nsix\n');
    const { layers } = await daemon.client.must<ImageDetail>('GET', `/v1/images/${encodeURIComponent(reference)}`);
    assert.equal(layers.length, 10);
    const directories = layerDirectories(layers.map(({ diffId }) => diffId as Digest));
    assert.deepEqual(mergedTree(directories), treeOf(rootfs));
  });

  test("a tree of Debian's packages: pulled, run, pushed back", async () => {
    const image = makeImage({ layers: [debianTree()], config: { Cmd: ['/bin/bash'] } });
    writeLayout(join(folder, 'debian'), { debian: image });
    const reference = await thereAndBack(`oci:${join(folder, 'debian')}:debian`, 'debian');
    const script = 'cat /etc/debian_version; id -u; ls -ld /tmp';
    const output = await runIn(reference, ['/bin/bash', '-c', script]);
    assert.match(output, /^[^\n]+\n0\ndrwxrwxrwt /);
    // the second time nothing is fetched
    const again = await daemon.client.must<PullResponse>('POST', '/v1/images/pull', { reference });
    assert.equal(again.upToDate, true);
  });

  test('every tag of a repository, there and back', async () => {
    for (const tag of ['one', 'two', 'three']) {
      const layout = join(folder, 'tags');
      writeLayout(layout, { tag: makeImage({ layers: [tar(file('tag', tag))] }) });
      const from = `oci:${layout}:tag`;
      await skopeo('copy', '--dest-tls-verify=false', from, `docker://${registry.host}/many/tags:${tag}`);
      rmSync(layout, { recursive: true });
    }
    const repository = `${registry.host}/many/tags`;
    const { images } = (await pullFrom(daemon, repository, { allTags: true })).body;
    const names = images.flatMap((image) => image.names).sort();
    assert.deepEqual(
      names,
      ['one', 'three', 'two'].map((tag) => `${repository}:${tag}`),
    );
    const { pushed } = await daemon.client.must<PushResponse>(
      'POST',
      `/v1/images/${encodeURIComponent(repository)}/push`,
      { allTags: true, destination: `${registry.host}/many/back` },
    );
    assert.equal(pushed.length, 3);
    for (const tag of ['one', 'two', 'three']) {
      assert.equal(await digestAt(`${registry.host}/many/back:${tag}`), await digestAt(`${repository}:${tag}`));
    }
  });
});

/** Where the layers are, the lowest first: by diff id, or by chain id where one depends on those below. */
function layerDirectories(diffIds: readonly Digest[]): string[] {
  const chain = chainIds(diffIds);
  const place = (id: string): string => join(daemon.root, 'images/layers', id.slice(7), 'fs');
  return diffIds.map((diffId, index) => [place(diffId), place(chain[index] ?? diffId)].find(existsSync) ?? diffId);
}

describe('a pull that is killed at 60 % goes on where it was:', () => {
  const SIZE = 3_000_000;
  const STOPPED = SIZE * 0.6;
  /** What is gathered and not yet written is lost to a kill. */
  const WRITTEN = STOPPED - 1024 * 1024;
  let registry: TestRegistry;
  before(async () => {
    registry = await TestRegistry.open();
  });
  after(() => registry[Symbol.asyncDispose]());

  /** Pulls until the registry stops at 60 %, ends it by `kill`, pulls again; the Range of the second request. */
  async function resumed(path: string, kill: (pull: AbortController) => Promise<void>): Promise<string | undefined> {
    const content = tar({ name: 'content', data: Buffer.alloc(SIZE, path) });
    const image = makeImage({ layers: [{ tar: content, compression: 'none' }] });
    publish(registry, path, '1', image);
    const [layer] = image.layerDescriptors;
    if (layer === undefined) throw new Error('it has a layer');
    registry.misbehave(new RegExp(`GET /v2/${path}/blobs/${layer.digest}`), { kind: 'stall', after: STOPPED }, 1);
    const reference = `${registry.host}/${path}:1`;
    const abort = new AbortController();
    const pull = fetchPull(reference, abort.signal);
    const part = join(daemon.root, 'images/ingest', `${layer.digest.slice(7)}.part`);
    await until('most of it is on the disk', async () => {
      const { size } = await stat(part).catch(() => ({ size: 0 }));
      return size >= WRITTEN;
    });
    await kill(abort);
    await pull;
    const { status, body } = await pullFrom(daemon, reference);
    assert.equal(status, 200, body.detail);
    const asked = registry.asked.filter(({ line }) => line.startsWith(`GET /v2/${path}/blobs/${layer.digest}`));
    return asked.at(-1)?.headers.range;
  }

  /** Over a connection of its own; resolves when that is over, however it ended. */
  async function fetchPull(reference: string, signal: AbortSignal): Promise<void> {
    const outgoing = httpRequest({
      ...{ socketPath: daemon.socket, method: 'POST', path: '/v1/images/pull', signal },
      headers: { 'content-type': 'application/json', accept: 'application/x-ndjson' },
    });
    const over = Promise.withResolvers<undefined>();
    outgoing.on('error', () => {
      over.resolve(undefined);
    });
    outgoing.on('response', (response) => {
      response
        .on('error', () => undefined)
        .on('close', () => {
          over.resolve(undefined);
        });
      response.resume();
    });
    outgoing.end(JSON.stringify({ reference }));
    await over.promise;
  }

  const startOf = (range: string | undefined): number => Number(/^bytes=([0-9]+)-$/.exec(range ?? '')?.[1] ?? 0);

  test('its client goes', async () => {
    const range = await resumed('killed/client', (pull) => {
      pull.abort();
      return Promise.resolve();
    });
    assert.ok(startOf(range) >= WRITTEN, range);
  });

  test('the daemon is killed', async () => {
    const range = await resumed('killed/daemon', async () => {
      await daemon.end('SIGKILL');
      await daemon.start();
    });
    assert.ok(startOf(range) >= WRITTEN, range);
  });

  test('the daemon ends as it should', async () => {
    const range = await resumed('ended/daemon', async () => {
      assert.equal(await daemon.end('SIGTERM'), 0);
      await daemon.start();
    });
    assert.ok(startOf(range) >= WRITTEN, range);
  });
});

test('what is told on the way: each layer from the first to the last, and then the answer', async () => {
  await using registry = await TestRegistry.open();
  const image = makeImage({ layers: [tar(file('a', 'a')), tar(file('b', 'b'))] });
  publish(registry, 'told', 'latest', image);
  const response = await daemon.client.send<string>(
    'POST',
    '/v1/images/pull',
    { reference: `${registry.host}/told` },
    { accept: 'application/x-ndjson' },
  );
  const items = progressOf(response.body);
  assert.equal(items[0]?.status, 'resolved');
  assert.equal(items[0].detail, image.descriptor.digest);
  for (const { digest, size } of image.layerDescriptors) {
    const own = items.filter((item) => item.layer === digest);
    assert.equal(own.at(-1)?.status, 'done');
    assert.ok(own.some(({ status, current, total }) => status === 'downloading' && current === size && total === size));
  }
  const { images } = items.at(-1)?.result as PullResponse;
  assert.deepEqual(images, [
    { id: image.id, manifest: image.descriptor.digest, names: [`${registry.host}/told:latest`] },
  ]);
});
