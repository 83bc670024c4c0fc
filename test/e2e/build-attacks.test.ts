/** Contexts of strangers, clients that go, daemons that are killed: nothing is reached outside, and nothing is left. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { build, built, printed } from '../harness/build.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { busyboxImage, haveImage } from '../harness/images.ts';
import { directory, file, hardlink, header, padded, symlink, tar } from '../harness/tar.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
let outside: string;
before(async () => {
  outside = await mkdtemp(join(tmpdir(), 'tare-outside-'));
  await writeFile(join(outside, 'secret'), 'secret');
  daemon = await TestDaemon.open();
  await haveImage(daemon, 'base:1', busyboxImage());
});
after(async () => {
  await daemon.close();
  await rm(outside, { recursive: true });
});

const FROM = file('Dockerfile', 'FROM base:1\nCOPY . /all/');

async function nothingIsLeft(): Promise<void> {
  assert.deepEqual(await daemon.client.must('GET', '/v1/containers?all=true'), []);
  await until(
    'the directories of builds are gone',
    async () => (await readdir(join(daemon.root, 'builds'))).length === 0,
  );
  await until('the directories of containers are gone', async () => {
    return (await readdir(join(daemon.root, 'containers'))).length === 0;
  });
}

test('no entry of a context is made outside of it', async () => {
  for (const archive of [
    tar(file('../escaped', 'x'), FROM),
    tar(file('a/../../escaped', 'x'), FROM),
    tar(hardlink('link', `${outside}/secret`), FROM),
    tar(hardlink('link', '../../secret'), FROM),
  ]) {
    const { problem } = await build(daemon, '', archive);
    assert.equal(problem?.code, 'archive_invalid', problem?.detail);
  }
  // what a link leads to is in the context, whatever it says
  const through = [symlink('way', outside), file('way/made', 'x'), symlink('up', '../../..'), file('up/made', 'x')];
  await build(daemon, '', tar(FROM, ...through));
  assert.deepEqual(await readdir(outside), ['secret']);
  assert.equal(await readFile(join(outside, 'secret'), 'utf8'), 'secret');
  await nothingIsLeft();
});

test('no link of a context leads a COPY, or the Dockerfile, out of it', async () => {
  for (const [dockerfile, detail] of [
    ['FROM base:1\nCOPY secret /', 'COPY failed: secret is not there'],
    ['FROM base:1\nCOPY way/secret /', 'COPY failed: way/secret is not there'],
    ['FROM base:1\nADD proc /x', 'ADD failed: proc is not there'],
  ] as const) {
    const links = [symlink('secret', `${outside}/secret`), symlink('way', outside), symlink('proc', '/proc/1/environ')];
    const { problem } = await build(daemon, dockerfile, links);
    assert.ok(problem?.detail.startsWith(detail), problem?.detail);
  }
  const linked = tar(symlink('Dockerfile', join(outside, 'secret')));
  assert.match(
    (await build(daemon, '', linked)).problem?.detail ?? '',
    /^Cannot locate specified Dockerfile: Dockerfile/,
  );
  const up = await build(daemon, 'FROM base:1', [], { dockerfile: '../../../../etc/passwd' });
  assert.match(up.problem?.detail ?? '', /^Cannot locate specified Dockerfile/);
  // as links they are copied
  const { id } = await built(daemon, '', tar(FROM, symlink('linked', '/etc/passwd'), file('x')));
  assert.equal(await printed(daemon, id, 'readlink', '/all/linked'), '/etc/passwd\n');
});

test('an image of a build cannot lead a COPY out of itself', async () => {
  const dockerfile = `FROM base:1\nRUN ln -s ${outside} /out\nCOPY f /out/f\nCOPY f /out\nWORKDIR /out/w`;
  const { id } = await built(daemon, dockerfile, [file('f', 'inside')]);
  assert.equal(
    await printed(daemon, id, 'ls', '-d', '/out', `${outside}/f`, `${outside}/w`),
    `/out\n${outside}/f\n${outside}/w\n`,
  );
  assert.deepEqual(await readdir(outside), ['secret']);
  const up = await built(daemon, 'FROM base:1\nRUN ln -s ../../../../.. /up\nCOPY f /up/in/f', [file('f', 'inside')]);
  assert.equal(await printed(daemon, up.id, 'cat', '/in/f'), 'inside');
});

test('what is broken, not an archive, or too much is refused', async () => {
  const bomb = Buffer.concat([header({ name: 'huge', size: 2 ** 45 }), padded(Buffer.alloc(1024))]);
  for (const archive of [Buffer.from('no archive'.repeat(100)), gzipSync(tar(FROM)).subarray(0, 60), bomb]) {
    const { problem } = await build(daemon, '', archive);
    assert.equal(problem?.code, 'archive_invalid', problem?.detail);
  }
  const long = await build(daemon, `FROM base:1\n#${'x'.repeat(1024 * 1024)}`);
  assert.match(long.problem?.detail ?? '', /^the Dockerfile cannot be read: Dockerfile is larger than 1048576 bytes/);
  const pattern = await build(daemon, 'FROM base:1', [file('.dockerignore', '[')]);
  assert.equal(pattern.problem?.detail, '.dockerignore: syntax error in pattern: "["');
  const many = await build(daemon, `FROM base:1\n${'ENV a=b\n'.repeat(1000)}`);
  assert.equal(many.problem?.code, 'dockerfile_invalid');
  const doubling = await build(daemon, `FROM base:1\nENV a=${'a'.repeat(1000)}\n${'ENV a=$a$a\n'.repeat(40)}`);
  assert.equal(doubling.problem?.code, 'dockerfile_invalid', doubling.problem?.detail);
  assert.equal((await build(daemon, '', tar(directory('d'), file('f')))).problem?.code, 'build_failed');
  await nothingIsLeft();
});

/** A build whose client may go; resolves when its RUN has printed "ready". */
async function waiting(): Promise<{ leave: () => void }> {
  const archive = tar(file('Dockerfile', 'FROM base:1\nRUN echo ready; sleep 10000'));
  const sent = request({
    ...{ socketPath: daemon.socket, method: 'POST', path: '/v1/build' },
    headers: { 'content-type': 'application/x-tar', accept: 'application/x-ndjson', 'content-length': archive.length },
  });
  const ready = new Promise<void>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      let told = '';
      response.on('error', () => undefined);
      response.on('data', (piece: Buffer) => {
        told += piece.toString();
        if (told.includes('ready\\n')) resolve();
      });
    });
  });
  sent.end(archive);
  await ready;
  return { leave: () => sent.destroy() };
}

test('a client that goes ends its build', async () => {
  const { leave } = await waiting();
  leave();
  await until('the container of the build is gone', async () => {
    return (await daemon.client.must<unknown[]>('GET', '/v1/containers?all=true')).length === 0;
  });
  await nothingIsLeft();
});

test('the daemon ends its builds before it ends', async () => {
  await waiting();
  const [container] = await daemon.client.must<{ id: string }[]>('GET', '/v1/containers');
  const pid = await daemon.hostPid(container?.id ?? '');
  assert.equal(await daemon.end('SIGTERM'), 0);
  assert.equal(existsSync(`/proc/${pid}`), false);
  await daemon.start();
  await nothingIsLeft();
});

test('kill -9 of the daemon: the next one takes the container and the directory of the build away', async () => {
  const own = await daemon.create(['true'], { labels: { 'tare.build': '0'.repeat(32) } });
  await waiting();
  await daemon.end('SIGKILL');
  await daemon.start();
  await until('the container of the build is gone', async () => {
    const left = await daemon.client.must<{ id: string }[]>('GET', '/v1/containers?all=true');
    return left.every(({ id }) => id === own);
  });
  // that one is its user's
  await daemon.client.must('DELETE', `/v1/containers/${own}`);
  await nothingIsLeft();
  const { id } = await built(daemon, 'FROM base:1\nRUN echo again > /again');
  assert.equal(await printed(daemon, id, 'cat', '/again'), 'again\n');
});
