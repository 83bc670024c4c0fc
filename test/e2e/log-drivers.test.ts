/** Where a container's output is kept: cri, json-file and none. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../harness/daemon.ts';
import { ESCAPES, ESCAPES_SCRIPT, record, timeless } from '../harness/json-log.ts';
import { Stream } from '../harness/stream.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

interface Detail {
  readonly id: string;
  readonly logDriver: string;
  readonly logPath: string;
  readonly status: string;
}

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly field?: string;
}

const inspect = (id: string): Promise<Detail> => daemon.client.must<Detail>('GET', `/v1/containers/${id}`);
const start = (id: string): Promise<unknown> => daemon.client.must('POST', `/v1/containers/${id}/start`);
const ended = (id: string): Promise<unknown> => daemon.client.must('GET', `/v1/containers/${id}/wait`);
const remove = (id: string): Promise<unknown> => daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
const create = (script: string, log: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<string> =>
  daemon.create(['sh', '-c', script], { log, ...more });

async function logsOf(id: string, query = ''): Promise<string[]> {
  const { stdout } = await daemon.cli(['logs', ...query.split(' ').filter((word) => word !== ''), id]);
  return stdout.split('\n').slice(0, -1);
}

test('json-file: docker’s path and bytes, read with all that a log is asked for', async () => {
  const id = await create(`${ESCAPES_SCRIPT}; seq 10`, { driver: 'json-file' });
  await start(id);
  await ended(id);
  const { logPath, logDriver } = await inspect(id);
  assert.deepEqual([logDriver, logPath], ['json-file', join(daemon.root, 'containers', id, `${id}-json.log`)]);
  const numbers = Array.from({ length: 10 }, (_, index) => String(index + 1));
  assert.deepEqual(timeless(readFileSync(logPath, 'utf8')), [
    ...ESCAPES.map(([, output]) => record(`${output}\\n`)),
    ...numbers.map((number) => record(`${number}\\n`)),
  ]);
  assert.deepEqual(await logsOf(id, '--tail 4'), numbers.slice(6));
  const [first = ''] = /\d{4}-\S+Z/.exec((await logsOf(id, '-t --tail 1'))[0] ?? '') ?? [];
  assert.ok((await logsOf(id, `--since ${first}`)).includes('10'));
  assert.deepEqual(await logsOf(id, '--until 2020-01-01T00:00:00Z'), []);
  await remove(id);
  assert.ok(!existsSync(logPath));
});

test('json-file: the streams are told apart', async () => {
  const id = await create('echo out; echo err >&2', { driver: 'json-file' });
  await start(id);
  await ended(id);
  const { stdout, stderr } = await daemon.cli(['logs', id]);
  assert.deepEqual([stdout, stderr], ['out\n', 'err\n']);
  const lines = timeless(readFileSync((await inspect(id)).logPath, 'utf8'));
  assert.deepEqual(lines.sort(), [record('err\\n', 'stderr'), record('out\\n')]);
  await remove(id);
});

test('json-file: rotated in docker’s names; what is torn is left out; a restart of either goes on with it', async () => {
  const id = await create(
    'seq 8000; read line; echo last',
    { driver: 'json-file', maxSize: '160k', maxFiles: 3 },
    { stdin: true },
  );
  await start(id);
  const names = (): string[] =>
    readdirSync(join(daemon.root, 'containers', id)).filter((name) => name.includes('json'));
  await until('all is written', async () => (await logsOf(id, '--tail 1'))[0] === '8000');
  assert.deepEqual(
    names().sort(),
    ['', '.1', '.2'].map((end) => `${id}-json.log${end}`),
  );
  await daemon.end('SIGKILL');
  await daemon.start();
  const followed = daemon.cli(['logs', '-f', id]);
  const stream = await Stream.open(daemon.socket, `/v1/containers/${id}/attach?stdin=true&stdout=true`);
  stream.type('\n');
  await stream.end();
  assert.ok((await followed).stdout.endsWith('\n8000\nlast\n'));
  const { logPath } = await inspect(id);
  writeFileSync(logPath, '{"log":"torn', { flag: 'a' });
  assert.deepEqual(await logsOf(id, '--tail 1'), ['last']);
  writeFileSync(logPath, '\n', { flag: 'a' });
  await start(id);
  await until('it is written again', async () => (await logsOf(id, '--tail 1'))[0] === '8000');
  const all = (await logsOf(id)).map(Number);
  assert.deepEqual(
    all.slice(-4000),
    Array.from({ length: 4000 }, (_, index) => 4001 + index),
  );
  await remove(id);
});

test('json-file: attached with the log first, a question without a newline is seen at once', async () => {
  const id = await create(
    'printf "first? "; read a; printf "second? "; read b; echo "$a $b"',
    { driver: 'json-file' },
    { stdin: true },
  );
  await start(id);
  const path = (await inspect(id)).logPath;
  const plain = await Stream.open(daemon.socket, `/v1/containers/${id}/attach?stdin=true&stdout=true`);
  const stream = await Stream.open(daemon.socket, `/v1/containers/${id}/attach?stdout=true&logs=true`);
  await stream.shows(/^first\? $/);
  plain.type('1\n');
  await stream.shows(/^first\? second\? $/);
  plain.type('2\n');
  await stream.shows(/^first\? second\? 1 2\n$/);
  assert.equal(await stream.end(), 0);
  assert.match(readFileSync(path, 'utf8'), /^\{"log":"first\? ","stream/);
  await remove(id);
});

test('none: nothing is kept, attaching works, and reading is refused', async () => {
  const id = await create('read a; echo "heard $a"', { driver: 'none' }, { stdin: true });
  const { logPath, logDriver } = await inspect(id);
  assert.deepEqual([logDriver, logPath], ['none', '']);
  const stream = await Stream.open(daemon.socket, `/v1/containers/${id}/attach?stdin=true&stdout=true&logs=true`);
  await start(id);
  stream.type('this\n');
  assert.equal(await stream.end(), 0);
  assert.equal(stream.stdout, 'heard this\n');
  assert.ok(readdirSync(join(daemon.root, 'containers', id)).every((name) => !name.includes('log')));
  const { status, body } = await daemon.client.send<Problem>('GET', `/v1/containers/${id}/logs`);
  assert.deepEqual(
    [status, body.code, body.detail],
    [422, 'unsupported', 'configured logging driver does not support reading'],
  );
  const { code, stderr } = await daemon.cli(['logs', id]);
  assert.equal(code, 1);
  assert.match(stderr, /configured logging driver does not support reading/);
  await remove(id);
});

test('what a driver does not know is refused by name', async () => {
  const body = { rootfs: daemon.rootfs, command: ['true'] };
  for (const [log, field] of [
    [{ driver: 'none', maxSize: '1m' }, 'log.maxSize'],
    [{ driver: 'none', maxFiles: 2 }, 'log.maxFiles'],
    [{ driver: 'syslog' }, 'log.driver'],
    [{ maxFiles: 0 }, 'log.maxFiles'],
  ] as const) {
    const answer = await daemon.client.send<Problem>('POST', '/v1/containers', { ...body, log });
    assert.deepEqual([answer.status, answer.body.code, answer.body.field], [400, 'invalid_field', field]);
  }
  for (const [words, message] of [
    [['--log-driver', 'journald'], /--log-driver "journald" is not supported/],
    [['--log-opt', 'compress=true'], /--log-opt "compress=true" is not supported/],
    [['--log-driver', 'none', '--log-opt', 'max-size=1m'], /the log driver none keeps nothing/],
    [['--detach-keys', 'no-key'], /detach/],
  ] as const) {
    const { code, stderr } = await daemon.cli(['run', '--rm', ...words, '--rootfs', daemon.rootfs, 'true']);
    assert.equal(code, 125, stderr);
    assert.match(stderr, message);
  }
  const refused = await daemon.client.send<Problem>('POST', '/v1/containers', { ...body, detachKeys: 'no-key' });
  assert.deepEqual([refused.status, refused.body.field], [400, 'detachKeys']);
});
