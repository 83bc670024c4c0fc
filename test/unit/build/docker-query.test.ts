import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { buildQueryOf } from '../../../daemon/docker/build/build-query.ts';
import { buildLines } from '../../../daemon/docker/build/lines.ts';
import { DockerError } from '../../../daemon/docker/error.ts';
import { DockerQuery } from '../../../daemon/docker/query.ts';
import { parseQuery } from '../../../daemon/api/query.ts';

const read = (query: string) => buildQueryOf(new DockerQuery(parseQuery(query) as Record<string, string>));

test('what docker\'s CLI sends for nothing asks for nothing', () => {
  const asked = read(
    'buildargs=%7B%7D&cachefrom=%5B%5D&cgroupparent=&cpuperiod=0&cpuquota=0&cpusetcpus=&cpusetmems=&cpushares=0&dockerfile=Dockerfile&labels=%7B%7D&memory=0&memswap=0&networkmode=default&rm=1&shmsize=0&t=a&t=b%3A1&target=&ulimits=null&version=1',
  );
  assert.deepEqual(asked, {
    ...{ dockerfile: 'Dockerfile', tag: ['a', 'b:1'], buildArg: [], label: [], extraHost: [], cacheFrom: [] },
    ...{ noCache: false, pull: false, network: 'default' },
  });
});

test('arguments, labels, limits', () => {
  const json = (value: unknown): string => encodeURIComponent(JSON.stringify(value));
  const asked = read(
    `buildargs=${json({ A: '1', B: null, C: '' })}&labels=${json({ 'a b': 'c=d' })}&memory=64&memswap=-1&nocache=1&extrahosts=a%3A1.2.3.4&platform=linux%2Farm64&pull=1`,
  );
  assert.deepEqual([asked.buildArg, asked.label], [['A=1', 'C='], ['a b=c=d']]);
  assert.deepEqual([asked.memory, asked.memorySwap, asked.noCache, asked.pull], [64, '-1', true, true]);
  assert.deepEqual([asked.extraHost, asked.platform], [['a:1.2.3.4'], 'linux/arm64']);
});

test('what there is in Docker and not here is refused', () => {
  for (const query of [
    ...['version=2', 'remote=https://example.com/a.git', 'squash=1', 'cgroupparent=/a', 'outputs=%5B%7B%7D%5D'],
    ...['securityopt=a', 'ulimits=%5B%7B%22Name%22%3A%22nofile%22%7D%5D', 'isolation=hyperv', 'buildargs=%5B%5D'],
    ...['buildargs=%7B', 'buildargs=%7B%22a%22%3A1%7D', 'labels=%7B%22%22%3A%22x%22%7D', 'cachefrom=%7B%7D', 'memory=x'],
  ]) {
    assert.throws(() => read(query), DockerError, query);
  }
});

const failure = (error: unknown) => ({ error: error as DockerError, code: 7 });

test('the lines of a build are all told, in order, and no faster than they are read', async () => {
  let held = 0;
  const answer = await buildLines(async (tell) => {
    for (let number = 0; number < 3000; number++) {
      const taken = tell({ stream: `${number} ${'x'.repeat(1000)}\n` });
      if (taken !== undefined) held++;
      await taken;
    }
  }, failure);
  const lines = (await text(Readable.from(answer.stream ?? []))).split('\r\n');
  const numbers = lines.slice(0, -1).map((line) => parseInt((JSON.parse(line) as { stream: string }).stream, 10));
  assert.deepEqual(numbers, Array.from({ length: 3000 }, (_, index) => index));
  assert.ok(held > 0);
});

test('a failure is an answer before anything was told, and a line afterwards', async () => {
  await assert.rejects(
    buildLines(() => Promise.reject(new DockerError(400, 'no')), failure),
    { status: 400 },
  );
  const answer = await buildLines(async (tell) => {
    await tell({ stream: 'begun' });
    throw new DockerError(500, 'late');
  }, failure);
  const last = (await text(Readable.from(answer.stream ?? []))).split('\r\n').at(-2) ?? '';
  assert.deepEqual(JSON.parse(last), { errorDetail: { code: 7, message: 'late' }, error: 'late' });
});

test('whoever leaves holds nothing up', async () => {
  const done = Promise.withResolvers<undefined>();
  const answer = await buildLines(async (tell) => {
    for (let number = 0; number < 2000; number++) await tell({ stream: 'x'.repeat(1000) });
    done.resolve(undefined);
  }, failure);
  const iterator = answer.stream?.[Symbol.asyncIterator]();
  await iterator?.next();
  await iterator?.return?.();
  await done.promise;
});
