import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { CHANNEL } from '../../../shared/streams.ts';
import { runClient, startClient } from './run-client.ts';
import { ScriptedDaemon, problem } from './scripted-daemon.ts';

describe('tare run', { timeout: 300_000 }, () => {
  let daemon: ScriptedDaemon;
  const run = (...words: string[]) => runClient(daemon.socket, 'run', '--rootfs', '/', ...words);

  beforeEach(async () => {
    daemon = await ScriptedDaemon.listen();
  });
  afterEach(() => daemon.close());

  it("takes the command's exit code", async () => {
    for (const code of [0, 1, 42, 137, 255]) {
      assert.deepEqual(await run('exit', String(code)), { code, signal: null, stdout: '', stderr: '' });
    }
  });

  it('attaches before it starts, and to stdin only with -i', async () => {
    await run('exit', '0');
    const order = daemon.calls.map(({ method, url }) => `${method} ${url}`);
    assert.deepEqual(order, [
      'POST /v1/containers',
      'UPGRADE /v1/containers/c1/attach?stdin=false&stdout=true&stderr=true&logs=false',
      'POST /v1/containers/c1/start',
    ]);
    assert.deepEqual(daemon.calls[0]?.body, { rootfs: '/', command: ['exit', '0'] });
  });

  it('keeps stdout and stderr apart', async () => {
    assert.deepEqual(await run('both'), { code: 0, signal: null, stdout: 'out\n', stderr: 'err\n' });
  });

  it('loses no byte of much output', async () => {
    const { stdout, code } = await run('print', '5000000');
    assert.equal(code, 0);
    assert.equal(stdout.length, 5_000_000);
  });

  it('sends stdin and its end', async () => {
    const client = startClient(daemon.socket, ['run', '-i', '--rootfs', '/', 'cat']);
    const text = 'abc\n'.repeat(500_000);
    client.child.stdin.end(text);
    const { code, stdout } = await client.ended;
    assert.equal(code, 0);
    assert.equal(stdout, text);
    assert.deepEqual(daemon.frames.at(-1), { channel: CHANNEL.close, payload: Buffer.from([CHANNEL.stdin]) });
  });

  it('with --rm asks for the removal while the command runs and ends after it', async () => {
    const client = startClient(daemon.socket, ['run', '--rm', '--rootfs', '/', 'wait']);
    await daemon.until(() => daemon.called('POST', /wait[?]condition=removed/) !== undefined);
    daemon.exit('c1', 3);
    assert.equal((await client.ended).code, 3);
    assert.deepEqual(daemon.calls[0]?.body, { rootfs: '/', command: ['wait'], autoRemove: true });
  });

  it('with --rm is content when the container has gone before it asks', async () => {
    assert.deepEqual(await run('--rm', 'exit', '7'), { code: 7, signal: null, stdout: '', stderr: '' });
  });

  it('in the background prints the id', async () => {
    assert.deepEqual(await run('-d', 'sleep'), { code: 0, signal: null, stdout: 'c1\n', stderr: '' });
    assert.equal(daemon.called('UPGRADE', /./), undefined);
  });

  it('tells what failed at the start, with its code, and removes what --rm would leave', async () => {
    const failures = [
      ['command_not_found', 127],
      ['command_not_executable', 126],
      ['launch_failed', 125],
    ] as const;
    for (const [code, exitCode] of failures) {
      daemon.answer = ({ url }) =>
        url.endsWith('/start')
          ? { status: 422, body: problem(code, 'it fails', 422, { hint: 'try another' }) }
          : undefined;
      daemon.calls.length = 0;
      const ended = await run('--rm', 'nothing');
      assert.deepEqual(ended, {
        code: exitCode,
        signal: null,
        stdout: '',
        stderr: 'tare: it fails\nhint: try another\n',
      });
      assert.notEqual(daemon.called('DELETE', /force=true/), undefined);
    }
  });

  it('names the flag of a refused field', async () => {
    const body = problem('invalid_field', 'limits.memory must be bytes', 400, { field: 'limits.memory' });
    daemon.answer = () => ({ status: 400, body });
    const ended = await run('-m', '12XB', 'x');
    assert.equal(ended.code, 125);
    assert.equal(ended.stderr, 'tare: limits.memory must be bytes\nhint: it was given with --memory\n');
  });

  it('names the flag of what only the start refuses', async () => {
    const body = problem('launch_failed', 'interfaces[0].add: no such kind', 422, { field: 'interfaces[0].add' });
    daemon.answer = ({ url }) => (url.endsWith('/start') ? { status: 422, body } : undefined);
    for (const words of [['x'], ['-d', 'x']]) {
      const { code, stderr } = await run(...words);
      assert.equal(code, 125);
      assert.equal(stderr, 'tare: interfaces[0].add: no such kind\nhint: it was given with --interface\n');
    }
  });

  it('says so when the daemon is lost, and ends with 125', async () => {
    const client = startClient(daemon.socket, ['run', '--rm', '-i', '--rootfs', '/', 'wait']);
    await daemon.until(() => daemon.called('POST', /wait/) !== undefined);
    daemon.show('c1', 'working');
    await new Promise<void>((resolve) => {
      client.child.stdout.on('data', () => {
        if (client.stdout() === 'working') resolve();
      });
    });
    daemon.die();
    const ended = await client.ended;
    assert.equal(ended.code, 125);
    assert.equal(ended.stderr, 'tare: lost the connection to the daemon; the container may still run\n');
  });

  it('passes signals on', async () => {
    const client = startClient(daemon.socket, ['run', '--rootfs', '/', 'wait']);
    await daemon.until(() => daemon.called('POST', /start/) !== undefined);
    for (const signal of ['SIGTERM', 'SIGUSR1'] as const) {
      client.child.kill(signal);
      await daemon.until(() =>
        daemon.calls.some(({ body }) => (body as { signal?: string } | undefined)?.signal === signal),
      );
    }
    daemon.exit('c1', 143);
    assert.equal((await client.ended).code, 143);
  });

  it('ends without a word when its reader has gone', async () => {
    const client = startClient(daemon.socket, ['run', '--rootfs', '/', 'wait']);
    await daemon.until(() => daemon.called('POST', /start/) !== undefined);
    client.child.stdout.destroy();
    let code: number | null | undefined;
    client.child.once('exit', (exitCode) => {
      code = exitCode;
    });
    const exited = new Promise((resolve) => client.child.once('exit', resolve));
    const writing = setInterval(() => {
      daemon.show('c1', 'x'.repeat(1000));
    }, 5);
    await exited;
    clearInterval(writing);
    assert.equal(code, 141);
    assert.equal((await client.ended).stderr, '');
  });

  it('refuses -it without a terminal before anything is created', async () => {
    const ended = await run('-it', 'sh');
    assert.equal(ended.code, 125);
    assert.match(ended.stderr, /not a terminal/);
    assert.equal(daemon.calls.length, 0);
  });
});

describe('tare run --cidfile', { timeout: 300_000 }, () => {
  let daemon: ScriptedDaemon;
  let directory: string;
  before(async () => {
    daemon = await ScriptedDaemon.listen();
    directory = mkdtempSync(join(tmpdir(), 'tare-cid-'));
  });
  after(async () => {
    await daemon.close();
    rmSync(directory, { recursive: true });
  });

  it('writes the id to a new file, and only there', async () => {
    const file = join(directory, 'id');
    const words = ['run', '--rootfs', '/', '--cidfile', file, 'exit', '0'];
    assert.equal((await runClient(daemon.socket, ...words)).code, 0);
    assert.equal(readFileSync(file, 'utf8'), 'c1');
    const again = await runClient(daemon.socket, ...words);
    assert.equal(again.code, 125);
    assert.match(again.stderr, /EEXIST/);
    assert.equal(daemon.calls.filter(({ url }) => url === '/v1/containers').length, 1);
  });

  it('leaves no file where nothing was created', async () => {
    const file = join(directory, 'none');
    daemon.answer = () => ({ status: 409, body: problem('name_taken', 'name web is taken', 409) });
    assert.equal((await runClient(daemon.socket, 'create', '--rootfs', '/', '--cidfile', file, 'x')).code, 125);
    assert.equal(existsSync(file), false);
  });
});
