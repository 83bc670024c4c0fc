/** Steps of builds that were done before: when they are found again, when not, and how they go. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ImageSummary } from '../../shared/api/image.ts';
import { build, built, printed } from '../harness/build.ts';
import { TestDaemon, run } from '../harness/daemon.ts';
import { busyboxImage, haveImage, publish } from '../harness/images.ts';
import { TestRegistry } from '../harness/registry.ts';
import { directory, file, type Member } from '../harness/tar.ts';

const TARE = join(import.meta.dirname, '../../bin/tare');

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
  await haveImage(daemon, 'base:1', busyboxImage());
});
after(() => daemon.close());

const DOCKERFILE = [
  'FROM base:1',
  'ARG ONE',
  'COPY f d /files/',
  'RUN echo "$ONE" > /one; cat /proc/sys/kernel/random/uuid > /random',
  'ENV A=1',
  'CMD ["cat", "/random"]',
].join('\n');
const CONTEXT: readonly Member[] = [file('f', 'content', { mtime: 1 }), directory('d'), file('d/g', 'g')];

/** Which of the steps were found again, by number. */
const found = (output: string): number[] =>
  output.split(/^Step /m).flatMap((step) => (step.includes('\n ---> Using cache\n') ? [parseInt(step, 10)] : []));

const images = (query = ''): Promise<ImageSummary[]> => daemon.client.must('GET', `/v1/images${query}`);

test('the same is found again, whoever sends it and whenever it was made', async () => {
  const { id, output } = await built(daemon, DOCKERFILE, CONTEXT, { tag: 'cached:1' });
  assert.deepEqual(found(output), []);
  const other = [
    directory('d', { uid: 7 }),
    file('d/g', 'g', { mtime: 9, gid: 3 }),
    file('f', 'content'),
    file('more'),
  ];
  const again = await built(daemon, DOCKERFILE, other, { tag: 'cached:1' });
  assert.deepEqual([again.id, found(again.output)], [id, [2, 3, 4, 5, 6]]);
});

test('what a step depends on, and nothing else, makes it another', async () => {
  const of = async (dockerfile: string, context = CONTEXT, query = {}): Promise<number[]> =>
    found((await built(daemon, dockerfile, context, query)).output);
  assert.deepEqual(await of(DOCKERFILE.replace('A=1', 'A=2')), [2, 3, 4]);
  assert.deepEqual(await of(DOCKERFILE, [file('f', 'changed'), ...CONTEXT.slice(1)]), [2]);
  assert.deepEqual(await of(DOCKERFILE, [file('f', 'content', { mode: 0o600 }), ...CONTEXT.slice(1)]), [2]);
  assert.deepEqual(await of(DOCKERFILE.replace('COPY', 'COPY --chown=1')), [2]);
  assert.deepEqual(await of(DOCKERFILE, CONTEXT, { buildArg: 'ONE=1' }), [2, 3]);
  assert.deepEqual(await of(DOCKERFILE, CONTEXT, { buildArg: 'http_proxy=x' }), [2, 3, 4, 5, 6]);
  assert.deepEqual(await of(DOCKERFILE, CONTEXT, { network: 'none' }), [2, 3]);
  assert.deepEqual(await of(DOCKERFILE, CONTEXT, { noCache: 'true' }), []);
  assert.deepEqual(await of(DOCKERFILE), [2, 3, 4, 5, 6]);
});

test('steps are listed with all alone, are found after a restart of the daemon, and go with what was made of them', async () => {
  await daemon.client.must('POST', '/v1/build/prune');
  assert.deepEqual(
    (await images()).map(({ names }) => names),
    [['cached:1'], ['base:1']],
  );
  const all = await images('?all=true');
  assert.ok(all.length >= 6, String(all.length));
  const step = all.find(({ names }) => names.length === 0)?.id ?? '';
  const refused = await daemon.client.send<{ code: string }>('DELETE', `/v1/images/${step}?force=true`);
  assert.equal(refused.body.code, 'image_in_use');
  await daemon.end('SIGKILL');
  await daemon.start();
  const { output } = await built(daemon, DOCKERFILE, CONTEXT);
  assert.deepEqual(found(output), [2, 3, 4, 5, 6]);
  await daemon.client.must('POST', '/v1/images/prune');
  await daemon.client.must('DELETE', '/v1/images/cached:1');
  await daemon.client.must('POST', '/v1/images/prune');
  assert.deepEqual(
    (await images('?all=true')).map(({ names }) => names),
    [['base:1']],
  );
});

test('pruned: what nothing was made of; with all every step, and no image that has a name', async () => {
  const keep = await built(daemon, DOCKERFILE, CONTEXT, { tag: 'keep:1' });
  await built(daemon, `${DOCKERFILE}\nRUN echo more`, CONTEXT);
  const { deleted } = await daemon.client.must<{ deleted: string[] }>('POST', '/v1/build/prune');
  assert.equal(deleted.filter((each) => each === keep.id).length, 0);
  assert.deepEqual(found((await built(daemon, DOCKERFILE, CONTEXT)).output), [2, 3, 4, 5, 6]);
  const past = { all: true, until: '2020-01-01T00:00:00Z' };
  assert.deepEqual(await daemon.client.must('POST', '/v1/build/prune', past), { deleted: [], reclaimed: 0 });
  await daemon.client.must('POST', '/v1/build/prune', { all: true });
  assert.deepEqual(
    (await images('?all=true')).map(({ names }) => names),
    [['keep:1'], ['base:1']],
  );
  assert.match(await printed(daemon, 'keep:1'), /^[0-9a-f-]{36}\n$/);
  assert.deepEqual(found((await built(daemon, DOCKERFILE, CONTEXT)).output), []);
});

test('base images are pulled with the credentials of whoever builds, and anew where that is asked for', async () => {
  const registry = await TestRegistry.open({ auth: { kind: 'token', users: { me: 'secret' } } });
  try {
    publish(registry, 'team/base', '1', busyboxImage({ config: { Env: ['PATH=/bin', 'VERSION=1'] } }));
    const dockerfile = `FROM ${registry.host}/team/base:1\nRUN echo version $VERSION`;
    assert.equal((await build(daemon, dockerfile)).problem?.code, 'registry_unauthorized');
    const config = join(daemon.folder, 'docker');
    mkdirSync(config);
    const auth = Buffer.from('me:secret').toString('base64');
    writeFileSync(join(config, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const env = { TARE_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: config };
    const tare = async (...words: string[]): Promise<string> => {
      const { code, stdout, stderr } = await run(TARE, ['build', ...words, '-'], { env, input: dockerfile });
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const first = await tare();
    assert.ok(first.includes(`\n${registry.host}/team/base:1: Pulling\n`) && first.includes('\nversion 1\n'), first);
    publish(registry, 'team/base', '1', busyboxImage({ config: { Env: ['PATH=/bin', 'VERSION=2'] } }));
    assert.deepEqual(found(await tare()), [2]);
    assert.ok((await tare('--pull')).includes('\nversion 2\n'));
  } finally {
    await registry[Symbol.asyncDispose]();
  }
});
