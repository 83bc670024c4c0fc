/** dockerode, as programs in JavaScript use the Docker Engine API, against tare. */
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import Docker from 'dockerode';
import { BASE } from './docker-api/images.ts';
import { Engine, REGISTRY } from './docker-api/engine.ts';

let engine: Engine;
let docker: Docker;

before(async () => {
  engine = await Engine.open('tare');
  docker = new Docker({ socketPath: engine.room.outside(engine.socket) });
});
after(() => engine.close());

/** What comes out of both streams of a multiplexed one, until it ends. */
async function demuxed(stream: NodeJS.ReadableStream): Promise<{ out: string; err: string }> {
  const out = new PassThrough();
  const err = new PassThrough();
  docker.modem.demuxStream(stream, out, err);
  stream.on('end', () => {
    out.end();
    err.end();
  });
  const [first, second] = await Promise.all([text(out), text(err)]);
  return { out: first, err: second };
}

function readable(stream: NodeJS.ReadableStream): Readable {
  assert.ok(stream instanceof Readable);
  return stream;
}

const script = (words: string): string[] => ['sh', '-c', words];

test('attach: hijacked, with input and its end', async () => {
  const container = await docker.createContainer({
    Image: BASE,
    Cmd: script('while read -r line; do echo "got $line"; done; echo end >&2'),
    ...{ OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true },
  });
  const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
  const said = demuxed(stream);
  await container.start();
  stream.write('one\n');
  stream.end('two\n');
  assert.deepEqual(await said, { out: 'got one\ngot two\n', err: 'end\n' });
  assert.deepEqual(((await container.wait()) as { StatusCode: number }).StatusCode, 0);
  await container.remove();
});

test('exec: streams, exit code, terminal', async () => {
  const container = await docker.createContainer({ Image: BASE, Cmd: ['sleep', '1000'] });
  await container.start();
  const exec = await container.exec({
    Cmd: script('cat; echo err >&2; exit 4'),
    ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true },
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  const said = demuxed(stream);
  stream.end('through\n');
  assert.deepEqual(await said, { out: 'through\n', err: 'err\n' });
  assert.equal((await exec.inspect()).ExitCode, 4);

  const shell = await container.exec({ Cmd: ['sh'], Tty: true, AttachStdin: true, AttachStdout: true });
  const terminal = await shell.start({ hijack: true, stdin: true, Tty: true });
  await shell.resize({ h: 33, w: 99 });
  const screen = text(terminal);
  terminal.write('stty size; exit 5\n');
  assert.match(await screen, /33 99\r\n/);
  assert.equal((await shell.inspect()).ExitCode, 5);
  await container.remove({ force: true });
});

test('push and pull with progress', async () => {
  const name = `${REGISTRY}/node/base`;
  await docker.getImage(BASE).tag({ repo: name, tag: '1' });
  const follow = (stream: NodeJS.ReadableStream): Promise<Record<string, unknown>[]> =>
    new Promise((resolve, reject) => {
      docker.modem.followProgress(stream, (error, told: Record<string, unknown>[]) => {
        if (error) reject(error);
        else resolve(told);
      });
    });
  const pushed = await follow(await docker.getImage(`${name}:1`).push());
  assert.ok(
    pushed.some(({ status }) => String(status).includes('digest: sha256:')),
    JSON.stringify(pushed),
  );
  await docker.getImage(`${name}:1`).remove();
  const pulled = await follow(await docker.pull(`${name}:1`));
  assert.match(String(pulled.at(-1)?.status), /^Status: .*127\.0\.0\.1:5000\/node\/base:1$/);
  await docker.getImage(`${name}:1`).remove();
  await assert.rejects(docker.pull(`${REGISTRY}/none:1`).then((stream) => follow(stream)));
});

test('events of what others do', async () => {
  const stream = readable(await docker.getEvents({ filters: { type: ['container'], label: ['of=dockerode'] } }));
  const seen = (async () => {
    const actions: string[] = [];
    for await (const line of createInterface({ input: stream })) {
      const { Action } = JSON.parse(line) as { Action: string };
      actions.push(Action);
      if (Action === 'destroy') break;
    }
    return actions;
  })();
  const container = await docker.createContainer({ Image: BASE, Cmd: ['false'], Labels: { of: 'dockerode' } });
  await container.start();
  await container.wait();
  await container.remove();
  assert.deepEqual(await seen, ['create', 'start', 'die', 'destroy']);
  stream.destroy();
});

test('statistics, once and as a stream', async () => {
  const container = await docker.createContainer({ Image: BASE, Cmd: ['sleep', '1000'] });
  await container.start();
  const once = await container.stats({ stream: false });
  assert.ok(once.memory_stats.usage > 0);
  const stream = readable(await container.stats({ stream: true }));
  const readings: Docker.ContainerStats[] = [];
  for await (const line of createInterface({ input: stream })) {
    readings.push(JSON.parse(line) as Docker.ContainerStats);
    if (readings.length === 2) break;
  }
  stream.destroy();
  assert.deepEqual(readings[1]?.precpu_stats.cpu_usage, readings[0]?.cpu_stats.cpu_usage);
  await container.remove({ force: true });
});

test('logs: what was, and what comes', async () => {
  const container = await docker.createContainer({
    Image: BASE,
    Cmd: script('echo out; echo err >&2; read -r line; echo "$line"'),
    OpenStdin: true,
  });
  const input = await container.attach({ stream: true, hijack: true, stdin: true });
  await container.start();
  const followed = demuxed(await container.logs({ follow: true, stdout: true, stderr: true }));
  input.write('last\n');
  assert.deepEqual(await followed, { out: 'out\nlast\n', err: 'err\n' });
  const all = await container.logs({ follow: false, stdout: true, stderr: false });
  assert.ok(all.includes('last\n') && !all.includes('err\n'));
  input.end();
  await container.remove({ force: true });
});
